"""Every endpoint of the API: where it is, what it takes, and the verb or the read behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.simulator.stripe import objects, operations, queries
from tallystick.simulator.stripe.model import Desk, Outcome
from tallystick.simulator.stripe.parameters import (
    BALANCE,
    CHECKOUT_SESSION,
    CHECKOUT_SESSIONS,
    EVENTS,
    EXPANDED,
    OF_INTENT,
    OF_PAYMENT,
    PAGE,
    REFUND,
    Field,
)

__all__ = ["ENDPOINTS", "Endpoint"]

Perform = Callable[[Desk, dict[str, Any], Mapping[str, str]], Outcome]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: its name for faults and the journal, its parameters, and what it does."""

    name: str
    method: str
    path: str
    perform: Perform
    fields: Mapping[str, Field]
    required: tuple[str, ...] = ()


def _retrieve(kind: str, param: str = "id") -> Perform:
    def perform(desk: Desk, _parameters: dict[str, Any], names: Mapping[str, str]) -> Outcome:
        thing = operations.find(desk, kind, names["id"], param=param)
        return Outcome(queries.shown(desk.book, thing))

    return perform


def _list(kind: str, url: str, *names: str) -> Perform:
    def perform(desk: Desk, parameters: dict[str, Any], _names: Mapping[str, str]) -> Outcome:
        found = queries.matching(desk.book.newest_first(kind), parameters, *names)
        found_page = queries.page(found, parameters, url=url)
        data = [queries.shown(desk.book, one) for one in found_page["data"]]
        return Outcome({**found_page, "data": data})

    return perform


def _list_events(desk: Desk, parameters: dict[str, Any], _names: Mapping[str, str]) -> Outcome:
    found = queries.matching(desk.book.newest_first("event"), parameters, "type")
    # What another account or the other mode is told of is in its own list.
    events = [event for event in found if "account" not in event and not event["livemode"]]
    if "types" in parameters:
        events = [event for event in events if event["type"] in parameters["types"]]
    if "delivery_success" in parameters:
        wanted = parameters["delivery_success"]
        owed = [queries.shown(desk.book, event)["pending_webhooks"] for event in events]
        events = [event for event, n in zip(events, owed, strict=True) if (n == 0) == wanted]
    page = queries.page(events, parameters, url="/v1/events")
    return Outcome({**page, "data": [queries.shown(desk.book, one) for one in page["data"]]})


def _account(desk: Desk, _parameters: dict[str, Any], _names: Mapping[str, str]) -> Outcome:
    return Outcome(objects.account(desk.account.name, created=0))


def _listed(kind: str, path: str, fields: Mapping[str, Field], *names: str) -> Endpoint:
    return Endpoint(f"{kind}.list", "GET", path, _list(kind, path, *names), {**PAGE, **fields})


def _retrieved(kind: str, path: str, param: str = "id") -> Endpoint:
    return Endpoint(f"{kind}.retrieve", "GET", f"{path}/{{id}}", _retrieve(kind, param), EXPANDED)


_SESSIONS: Final = "/v1/checkout/sessions"
_INTENTS: Final = "/v1/payment_intents"
_BALANCE: Final = "/v1/balance_transactions"

ENDPOINTS: Final = (
    Endpoint(
        "checkout.session.create",
        "POST",
        _SESSIONS,
        lambda desk, parameters, _names: operations.create_session(desk, parameters),
        CHECKOUT_SESSION,
        ("mode", "line_items", "success_url"),
    ),
    Endpoint(
        "checkout.session.list",
        "GET",
        _SESSIONS,
        _list("checkout_session", _SESSIONS, "payment_intent", "status"),
        CHECKOUT_SESSIONS,
    ),
    Endpoint(
        "checkout.session.retrieve",
        "GET",
        f"{_SESSIONS}/{{id}}",
        _retrieve("checkout_session", "session"),
        EXPANDED,
    ),
    Endpoint(
        "checkout.session.expire",
        "POST",
        f"{_SESSIONS}/{{id}}/expire",
        lambda desk, _parameters, names: operations.expire_session(desk, names["id"]),
        EXPANDED,
    ),
    Endpoint(
        "refund.create",
        "POST",
        "/v1/refunds",
        lambda desk, parameters, _names: operations.create_refund(desk, parameters),
        REFUND,
    ),
    Endpoint(
        "dispute.close",
        "POST",
        "/v1/disputes/{id}/close",
        lambda desk, _parameters, names: operations.settle_dispute(desk, names["id"], "lost"),
        EXPANDED,
    ),
    _listed("refund", "/v1/refunds", OF_PAYMENT, "charge", "payment_intent"),
    _retrieved("refund", "/v1/refunds"),
    _listed("payment_intent", _INTENTS, {}),
    _retrieved("payment_intent", _INTENTS, "intent"),
    _listed("charge", "/v1/charges", OF_INTENT, "payment_intent"),
    _retrieved("charge", "/v1/charges"),
    _listed("dispute", "/v1/disputes", OF_PAYMENT, "charge", "payment_intent"),
    _retrieved("dispute", "/v1/disputes", "dispute"),
    _listed("balance_transaction", _BALANCE, BALANCE, "type", "source", "currency"),
    _retrieved("balance_transaction", _BALANCE),
    Endpoint("event.list", "GET", "/v1/events", _list_events, EVENTS),
    _retrieved("event", "/v1/events"),
    Endpoint("account.retrieve", "GET", "/v1/account", _account, EXPANDED),
)
