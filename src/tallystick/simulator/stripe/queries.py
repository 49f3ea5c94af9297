"""Reads: one object, or a page of a list, newest first, with what was asked to be expanded.

They change nothing; objects are copied before anything is added to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from tallystick.simulator.book import Book, JsonObject
from tallystick.simulator.stripe.errors import RequestInvalid
from tallystick.simulator.webhooks import KIND as WEBHOOK

__all__ = ["expand", "matching", "page", "shown"]

_LIMIT: Final = 10
_WEBHOOKS_MAX: Final = 2
#: Where an id of this name leads.
_KIND_OF: Final = {
    "balance_transaction": "balance_transaction",
    "charge": "charge",
    "failure_balance_transaction": "balance_transaction",
    "latest_charge": "charge",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "source": "charge",
}
#: … where the id itself says it.
_KIND_OF_PREFIX: Final = {"re": "refund", "du": "dispute"}


def page(things: Iterable[JsonObject], asked: Mapping[str, Any], *, url: str) -> JsonObject:
    """Return one page of the things, newest first; raise RequestInvalid for a bad cursor."""
    found = list(things)
    limit = asked.get("limit", _LIMIT)
    if "starting_after" in asked:
        found = found[_place(found, asked["starting_after"], "starting_after") + 1 :]
    if "ending_before" in asked:
        found = found[: _place(found, asked["ending_before"], "ending_before")]
        has_more, data = len(found) > limit, found[-limit:]
    else:
        has_more, data = len(found) > limit, list(islice(found, limit))
    return {"object": "list", "url": url, "has_more": has_more, "data": data}


def matching(
    things: Iterable[JsonObject], asked: Mapping[str, Any], *names: str
) -> list[JsonObject]:
    """Return the things whose fields of these names, and whose time, are as asked."""
    tests: list[Callable[[JsonObject], bool]] = [
        lambda thing, name=name: bool(thing[name] == asked[name])  # type: ignore[misc]
        for name in names
        if name in asked
    ]
    if "created" in asked:
        tests.append(lambda thing: _is_within(thing["created"], asked["created"]))
    return [thing for thing in things if all(test(thing) for test in tests)]


def expand(book: Book, thing: JsonObject, paths: Sequence[str]) -> JsonObject:
    """Return a copy in which the ids at the dotted paths are the objects that they name."""
    for path in paths:
        thing = _expanded(book, thing, path.split("."), path)
    return thing


def shown(book: Book, thing: JsonObject) -> JsonObject:
    """Return the object as it is now: what only time and deliveries change is added here."""
    if thing["object"] == "event":
        return _with_webhooks(book, thing)
    if thing["object"] == "balance_transaction":
        return _with_status(book, thing)
    if thing["object"] == "dispute":
        entries = [_with_status(book, entry) for entry in thing["balance_transactions"]]
        return {**thing, "balance_transactions": entries}
    return thing


def _with_webhooks(book: Book, event: JsonObject) -> JsonObject:
    names = (f"{event['id']}.{number}" for number in range(1, _WEBHOOKS_MAX + 1))
    webhooks = (book.find(WEBHOOK, name) for name in names)
    owed = sum(1 for webhook in webhooks if webhook and webhook["state"] == "owed")
    return {**event, "pending_webhooks": owed}


def _with_status(book: Book, entry: JsonObject) -> JsonObject:
    is_available = entry["available_on"] <= book.clock()
    return {**entry, "status": "available" if is_available else "pending"}


def _place(found: Sequence[JsonObject], identity: str, param: str) -> int:
    for place, thing in enumerate(found):
        if thing["id"] == identity:
            return place
    raise RequestInvalid(f"No such object: '{identity}'", reason="resource_missing", param=param)


def _is_within(moment: int, asked: int | Mapping[str, int]) -> bool:
    if isinstance(asked, int):
        return moment == asked
    return (
        moment > asked.get("gt", -1)
        and moment >= asked.get("gte", 0)
        and moment < asked.get("lt", moment + 1)
        and moment <= asked.get("lte", moment)
    )


def _expanded(book: Book, thing: JsonObject, steps: Sequence[str], path: str) -> JsonObject:
    step, rest = steps[0], steps[1:]
    inner: Any
    if step == "data" and thing["object"] == "list" and rest:
        inner = [_expanded(book, one, rest, path) for one in thing["data"]]
        return {**thing, "data": inner}
    inner = _reached(book, thing, step)
    if inner is _NOWHERE:
        raise RequestInvalid(f"This property cannot be expanded ({path}).", param="expand[0]")
    if rest and isinstance(inner, dict):
        inner = _expanded(book, inner, rest, path)
    return {**thing, step: inner}


_NOWHERE: Final = object()


def _reached(book: Book, thing: JsonObject, step: str) -> Any:
    """Return what the step leads to: an object, None where there is none, or _NOWHERE."""
    if step == "line_items" and thing["object"] == "checkout.session":
        details = book.find("session_details", thing["id"]) or {"line_items": []}
        return page(
            details["line_items"], {}, url=f"/v1/checkout/sessions/{thing['id']}/line_items"
        )
    if step == "refunds" and thing["object"] == "charge":
        of_charge = matching(book.newest_first("refund"), {"charge": thing["id"]}, "charge")
        return page(of_charge, {}, url=f"/v1/charges/{thing['id']}/refunds")
    if step not in _KIND_OF or step not in thing:
        return _NOWHERE
    value = thing[step]
    if not isinstance(value, str):
        return value
    kind = _KIND_OF_PREFIX.get(value.partition("_")[0], _KIND_OF[step])
    found = book.find(kind, value)
    return shown(book, found) if found else None
