"""Checkout sessions: made, and expired on request or in time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import Change, JsonObject
from tallystick.simulator.stripe import amounts, objects
from tallystick.simulator.stripe.errors import NotAllowed, RequestInvalid
from tallystick.simulator.stripe.model import Desk, Outcome
from tallystick.simulator.stripe.operations.lookup import find

__all__ = ["create_session", "expire_session", "is_overdue", "overdue_sessions"]

_EXPIRES_AFTER_S: Final = 86_400
_EXPIRES_AFTER_S_MIN: Final = 1_800


def create_session(desk: Desk, asked: Mapping[str, Any]) -> Outcome:
    """Return a new open session; raise RequestInvalid for amounts and times out of bounds."""
    now = desk.now()
    codes = [item["price_data"]["currency"] for item in asked["line_items"]]
    currency = amounts.common_currency(codes, asked.get("currency"))
    fields = {**asked, "currency": currency, "expires_at": _expiry(asked, now)}
    fields["amount_total"] = sum(
        item["price_data"]["unit_amount"] * item["quantity"] for item in asked["line_items"]
    )
    amounts.check_total(fields["amount_total"], currency, param="line_items")
    identity = f"cs_test_{desk.token(58)}"
    url = f"{desk.account.base_url}/c/pay/{identity}"
    session = objects.session(identity, fields, now=now, url=url)
    items = [
        objects.line_item(desk.name("li"), _lower(item), now=now, token=desk.token(24))
        for item in asked["line_items"]
    ]
    hidden = {"line_items": items, "payment_intent_data": asked.get("payment_intent_data", {})}
    return Outcome(
        session,
        [
            Change("checkout_session", identity, session),
            Change("session_details", identity, hidden),
        ],
    )


def expire_session(desk: Desk, identity: str) -> Outcome:
    """Return the session expired; raise NotAllowed unless it is open."""
    session = find(desk, "checkout_session", identity, param="session")
    if session["status"] != "open":
        raise NotAllowed(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    expired = {**session, "status": "expired", "url": None}
    changes = [Change("checkout_session", identity, expired)]
    if session["payment_intent"]:
        intent = find(desk, "payment_intent", session["payment_intent"])
        canceled = {
            **intent,
            "status": "canceled",
            "canceled_at": desk.now(),
            "cancellation_reason": "expired",
            "next_action": None,
        }
        changes.append(Change("payment_intent", intent["id"], canceled))
    return Outcome(expired, changes, [("checkout.session.expired", expired, None)])


def overdue_sessions(desk: Desk) -> list[str]:
    """Return the open sessions whose time is over."""
    sessions = desk.book.newest_first("checkout_session")
    return [session["id"] for session in sessions if _is_overdue(desk, session)]


def is_overdue(desk: Desk, identity: str) -> bool:
    """Return whether there is such a session, open still, whose time is over."""
    session = desk.book.find("checkout_session", identity)
    return session is not None and _is_overdue(desk, session)


def _is_overdue(desk: Desk, session: JsonObject) -> bool:
    return bool(session["status"] == "open" and session["expires_at"] <= desk.now())


def _lower(item: Mapping[str, Any]) -> dict[str, Any]:
    price = item["price_data"]
    return {**item, "price_data": {**price, "currency": price["currency"].lower()}}


def _expiry(asked: Mapping[str, Any], now: int) -> int:
    expires_at: int = asked.get("expires_at", now + _EXPIRES_AFTER_S)
    if expires_at < now + _EXPIRES_AFTER_S_MIN:
        raise RequestInvalid(
            "The `expires_at` timestamp must be at least 30 minutes from "
            "Checkout Session creation.",
            param="expires_at",
        )
    if expires_at > now + _EXPIRES_AFTER_S:
        raise RequestInvalid(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return expires_at
