"""False answers to work that was truly done: the book and the idempotency record stay right.

Each takes the true body and returns what is sent in its stead. On a list it strikes every object.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.faults import Fault
from tallystick.simulator.http import Fate, Reply, json_reply

__all__ = ["misbehave"]

_HUGE_BYTES: Final = 10 * 1024 * 1024
_UNKNOWN_STATUS: Final = "teleported"
_AMOUNTS: Final = (
    "amount",
    "amount_captured",
    "amount_received",
    "amount_subtotal",
    "amount_total",
)
_STATES: Final = ("status", "payment_status")
_PAGE: Final = b"<!doctype html><title>Maintenance</title><h1>We will be right back</h1>"


def misbehave(status: int, body: JsonObject, fault: Fault | None) -> Reply:
    """Return the reply with what the fault makes of it after the work is journalled."""
    if fault is None:
        return json_reply(status, body)
    reply = _false(status, body, fault)
    return replace(
        reply,
        fate=Fate(
            hold_s=fault.after_s if fault.what == "slow" else 0,
            hangs=fault.what in {"timeout", "timeout_after_charge"},
            kills=fault.what == "kill",
            kills_caller=fault.what == "kill_caller",
            pid=fault.pid,
            cuts=fault.what == "cut_body",
            drip_s=fault.after_s if fault.what == "drip" else None,
        ),
    )


def _false(status: int, body: JsonObject, fault: Fault) -> Reply:
    if fault.what in _OBJECT_LIES:
        return json_reply(status, _in_each(body, _OBJECT_LIES[fault.what], fault))
    if fault.what == "html_body":
        return Reply(200, _PAGE, {"Content-Type": "text/html; charset=utf-8"})
    if fault.what == "huge_body":
        return json_reply(status, {**body, "padding": "x" * _HUGE_BYTES})
    if fault.what == "duplicate_keys":
        return Reply(status, _twice(body, fault), {"Content-Type": "application/json"})
    return json_reply(status, body)


def _in_each(
    body: JsonObject, lie: Callable[[JsonObject, Fault], JsonObject], fault: Fault
) -> JsonObject:
    if body.get("object") == "list":
        return {**body, "data": [lie(one, fault) for one in body["data"]]}
    return lie(body, fault)


def _other_amount(thing: JsonObject, fault: Fault) -> JsonObject:
    told = {name: thing[name] for name in _AMOUNTS if isinstance(thing.get(name), int)}
    other = {name: n + 1 if fault.amount is None else fault.amount for name, n in told.items()}
    return {**thing, **other}


def _other_currency(thing: JsonObject, fault: Fault) -> JsonObject:
    if "currency" not in thing:
        return thing
    other = fault.currency or ("eur" if thing["currency"] == "usd" else "usd")
    return {**thing, "currency": other}


def _other_id(thing: JsonObject, _fault: Fault) -> JsonObject:
    """Return it with an id of the same kind and length that nothing has."""
    prefix, _, rest = str(thing.get("id", "")).rpartition("_")
    return {**thing, "id": f"{prefix}_{'Other' + rest[5:]}"}


def _unknown_status(thing: JsonObject, _fault: Fault) -> JsonObject:
    return {**thing, **{name: _UNKNOWN_STATUS for name in _STATES if name in thing}}


def _twice(body: JsonObject, fault: Fault) -> bytes:
    """Return JSON whose fields stand there truly first, then falsely: parsers keep either."""
    lies = (_other_amount, _other_currency, _other_id, _unknown_status)
    false: Mapping[str, Any] = body
    for lie in lies:
        false = _in_each(dict(false), lie, fault)
    true_text, false_text = (json.dumps(one, ensure_ascii=False) for one in (body, false))
    return f"{true_text[:-1]}, {false_text[1:]}".encode()


_OBJECT_LIES: Final[Mapping[str, Callable[[JsonObject, Fault], JsonObject]]] = {
    "other_amount": _other_amount,
    "other_currency": _other_currency,
    "other_id": _other_id,
    "unknown_status": _unknown_status,
}
