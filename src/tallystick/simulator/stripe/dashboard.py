"""The dashboard: facts that the merchant's program did not cause, by the control API.

Refunds by hand, disputes, what banks decide later, events that are somebody else's. Under
`/_simulator/stripe`; it takes JSON only and refuses every field that it does not act on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.control import json_body, refused
from tallystick.simulator.errors import FormMalformed, SimulatorError
from tallystick.simulator.http import Handler, Reply, Request, Router, json_reply
from tallystick.simulator.stripe import operations, queries
from tallystick.simulator.stripe.errors import NotFound
from tallystick.simulator.stripe.model import Desk, Outcome

__all__ = ["Dashboard"]

_AMOUNT_MAX: Final = 99_999_999
_TEXT_MAX: Final = 255
#: Where an object is found by how its id begins.
_KIND_OF: Final = {
    "cs": "checkout_session",
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "du": "dispute",
    "txn": "balance_transaction",
}
_REFUND_ENDS: Final = ("succeeded", "failed")
_DISPUTE_ENDS: Final = ("under_review", "won", "lost")

Check = Callable[[str, object], Any]
Verb = Callable[[Desk, dict[str, Any], Mapping[str, str]], Outcome]


class Dashboard:
    """The routes under /_simulator/stripe."""

    def __init__(self, desk: Desk) -> None:
        """Act for the account of this desk."""
        self._desk = desk

    def add_routes(self, router: Router) -> None:
        """This function will add every route."""
        for path, operation, fields, verb in _VERBS:
            handler = self._handler(operation, fields, verb)
            router.add("POST", f"/_simulator/stripe/{path}", handler)
        router.add("POST", "/_simulator/stripe/events", self._emit)

    def _handler(self, operation: str, fields: Mapping[str, Check], verb: Verb) -> Handler:
        desk = self._desk

        def handle(request: Request) -> Reply:
            try:
                asked = _read(json_body(request), fields)
                with desk.book.lock:
                    outcome = verb(desk, asked, request.names)
                    desk.commit(operation, outcome)
            except SimulatorError as error:
                return refused(error, 404 if isinstance(error, NotFound) else 400)
            return json_reply(200, queries.shown(desk.book, outcome.body))

        return handle

    def _emit(self, request: Request) -> Reply:
        """Tell of an object as it is, with the marks of another mode or another account."""
        desk = self._desk
        try:
            asked = _read(json_body(request), _EVENT)
            if not {"type", "object"} <= set(asked):
                raise FormMalformed("Give `type` and `object`: an event's type and an object's id.")
            with desk.book.lock:
                marks: JsonObject = {
                    name: asked[name] for name in ("livemode", "account") if name in asked
                }
                thing = {**_named(desk, asked["object"])}
                if "livemode" in marks and "livemode" in thing:
                    thing["livemode"] = marks["livemode"]
                told = Outcome({}, [], [(asked["type"], thing, None)])
                desk.commit("event.emit", told, marks=marks)
                event = next(iter(desk.book.newest_first("event")))
        except SimulatorError as error:
            return refused(error, 404 if isinstance(error, NotFound) else 400)
        return json_reply(200, queries.shown(desk.book, event))


def _named(desk: Desk, identity: str) -> JsonObject:
    kind = _KIND_OF.get(identity.partition("_")[0])
    if kind is None:
        raise FormMalformed(f"Give `object` as an id that begins with {', '.join(_KIND_OF)}.")
    return queries.shown(desk.book, operations.find(desk, kind, identity, param="object"))


def _read(order: Mapping[str, object], fields: Mapping[str, Check]) -> dict[str, Any]:
    unknown = set(order) - set(fields)
    if unknown:
        raise FormMalformed(
            f"Unknown: {', '.join(sorted(unknown))[:200]}. Use {', '.join(fields)}."
        )
    given = {name: value for name, value in order.items() if value is not None}
    return {name: fields[name](name, value) for name, value in given.items()}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX:
        raise FormMalformed(f"Give `{name}` as text of at most {_TEXT_MAX} characters.")
    return value


def _number(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value <= _AMOUNT_MAX:
        raise FormMalformed(f"Give `{name}` as a whole number from 0 to {_AMOUNT_MAX}.")
    return value


def _amount(name: str, value: object) -> int:
    if _number(name, value) == 0:
        raise FormMalformed(f"Give `{name}` above 0.")
    return _number(name, value)


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise FormMalformed(f"Give `{name}` as true or false.")
    return value


def _metadata(name: str, value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise FormMalformed(f"Give `{name}` as names and texts.")
    return value


def _one_of(*options: str) -> Check:
    def check(name: str, value: object) -> str:
        if value not in options:
            raise FormMalformed(f"Give `{name}` as one of: {', '.join(options)}.")
        return str(value)

    return check


def _end(asked: Mapping[str, Any]) -> str:
    if "status" not in asked:
        raise FormMalformed("Give `status`.")
    return str(asked["status"])


def _settle_refund(desk: Desk, asked: dict[str, Any], names: Mapping[str, str]) -> Outcome:
    reason = {"reason": asked["failure_reason"]} if "failure_reason" in asked else {}
    return operations.settle_refund(desk, names["id"], _end(asked), **reason)


_PAYMENT: Final = {"charge": _text, "payment_intent": _text, "amount": _amount}
_REFUND: Final = {**_PAYMENT, "reason": _text, "metadata": _metadata}
_REFUND_END: Final = {"status": _one_of(*_REFUND_ENDS), "failure_reason": _text}
_DISPUTE: Final = {**_PAYMENT, "reason": _text, "fee": _number}
_DISPUTE_END: Final = {"status": _one_of(*_DISPUTE_ENDS)}
_EVENT: Final = {"type": _text, "object": _text, "livemode": _flag, "account": _text}

#: Path, name in the journal, fields, verb.
_VERBS: Final[tuple[tuple[str, str, Mapping[str, Check], Verb], ...]] = (
    (
        "refunds",
        "dashboard.refund.create",
        _REFUND,
        lambda desk, asked, _names: operations.create_refund(desk, asked),
    ),
    ("refunds/{id}", "dashboard.refund.settle", _REFUND_END, _settle_refund),
    (
        "disputes",
        "dispute.open",
        _DISPUTE,
        lambda desk, asked, _names: operations.open_dispute(desk, asked),
    ),
    (
        "disputes/{id}",
        "dispute.settle",
        _DISPUTE_END,
        lambda desk, asked, names: operations.settle_dispute(desk, names["id"], _end(asked)),
    ),
)
