"""Paying a session: a card is charged, declined, or asked for 3-D Secure first."""

from __future__ import annotations

from typing import Final

from tallystick.simulator.book import Change, JsonObject
from tallystick.simulator.faults import MONEY_FAULTS
from tallystick.simulator.stripe import amounts, objects
from tallystick.simulator.stripe.cards import Card, Decline
from tallystick.simulator.stripe.errors import NotAllowed
from tallystick.simulator.stripe.model import Desk, Outcome
from tallystick.simulator.stripe.operations.lookup import find

__all__ = ["authenticate", "pay"]

_OTHERWISE: Final = {"other_payment": MONEY_FAULTS["other_payment"]}
_UNAUTHENTICATED: Final = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)


def pay(desk: Desk, identity: str, card: Card) -> Outcome:
    """Return what becomes of an open session when this card is given: its `outcome` says.

    paid, declined, requires_action (3-D Secure), or already_paid and expired, which change nothing.
    """
    session = find(desk, "checkout_session", identity, param="session")
    closed = _closed(session)
    if closed:
        return closed
    method = objects.payment_method(
        desk.name("pm"), card, now=desk.now(), email=session["customer_email"]
    )
    if card.needs_authentication:
        return _ask_for_authentication(desk, session, method)
    return _charge(desk, session, card, method, is_authenticated=False)


def authenticate(desk: Desk, identity: str, *, succeeds: bool) -> Outcome:
    """Return what becomes of a session that waits for 3-D Secure; raise NotAllowed if none does."""
    session = find(desk, "checkout_session", identity, param="session")
    closed = _closed(session)
    if closed:
        return closed
    intent = _intent(desk, session)
    if intent["status"] != "requires_action":
        raise NotAllowed("This Checkout Session does not wait for authentication.")
    method = find(desk, "payment_method", intent["payment_method"])
    card = Card(method["card"]["brand"], method["card"]["last4"])
    if succeeds:
        return _charge(desk, session, card, method, is_authenticated=True)
    refused = _without_payment(intent, _UNAUTHENTICATED, method, None)
    return Outcome(
        _declined(session, _UNAUTHENTICATED),
        [Change("payment_intent", intent["id"], refused)],
        [("payment_intent.payment_failed", refused, None)],
    )


def _closed(session: JsonObject) -> Outcome | None:
    if session["status"] == "complete":
        return Outcome({"outcome": "already_paid", "session": session["id"]})
    if session["status"] == "expired":
        return Outcome({"outcome": "expired", "session": session["id"]})
    return None


def _intent(desk: Desk, session: JsonObject) -> JsonObject:
    """Return the session's payment intent: made at the first attempt to pay, as at Stripe."""
    if session["payment_intent"]:
        return find(desk, "payment_intent", session["payment_intent"])
    details = find(desk, "session_details", session["id"])
    return objects.payment_intent(
        desk.name("pi"),
        session,
        details["payment_intent_data"],
        now=desk.now(),
        token=desk.token(24),
    )


def _ask_for_authentication(desk: Desk, session: JsonObject, method: JsonObject) -> Outcome:
    intent = _intent(desk, session)
    url = f"{desk.account.base_url}/c/pay/{session['id']}/authenticate"
    waiting = {
        **intent,
        "status": "requires_action",
        "last_payment_error": None,
        "payment_method": method["id"],
        "next_action": {
            "type": "redirect_to_url",
            "redirect_to_url": {"url": url, "return_url": session["url"]},
        },
    }
    return Outcome(
        {"outcome": "requires_action", "session": session["id"], "payment_intent": intent["id"]},
        [
            Change("payment_method", method["id"], method),
            Change("payment_intent", intent["id"], waiting),
            _linked(session, intent),
        ],
    )


def _charge(
    desk: Desk, session: JsonObject, card: Card, method: JsonObject, *, is_authenticated: bool
) -> Outcome:
    intent = _intent(desk, session)
    if not card.decline:
        session, intent = _otherwise(desk, session, intent)
    now, balance = desk.now(), None if card.decline else desk.name("txn")
    charge = objects.charge(
        desk.name("ch"),
        intent,
        card,
        now=now,
        method=method,
        balance=balance,
        is_authenticated=is_authenticated,
    )
    kept = [Change("payment_method", method["id"], method), Change("charge", charge["id"], charge)]
    if balance is None:
        return _refuse(session, intent, charge, method, card, kept)
    entry = objects.balance_entry(
        balance,
        charge["id"],
        amount=charge["amount"],
        currency=charge["currency"],
        now=now,
        category="charge",
        fee=amounts.fee_of(charge["amount"]),
    )
    kept.append(Change("balance_transaction", balance, entry))
    return _complete(session, intent, charge, kept)


def _complete(
    session: JsonObject, intent: JsonObject, charge: JsonObject, kept: list[Change]
) -> Outcome:
    """The bank said yes; the session is over."""
    paid = {
        **intent,
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "next_action": None,
        "payment_method": charge["payment_method"],
    }
    complete = {
        **session,
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": paid["id"],
        "url": None,
    }
    return Outcome(
        {
            "outcome": "paid",
            "session": session["id"],
            "payment_intent": paid["id"],
            "charge": charge["id"],
        },
        [
            *kept,
            Change("payment_intent", paid["id"], paid),
            Change("checkout_session", session["id"], complete),
        ],
        [
            ("charge.succeeded", charge, None),
            ("payment_intent.succeeded", paid, None),
            ("checkout.session.completed", complete, None),
        ],
    )


def _otherwise(
    desk: Desk, session: JsonObject, intent: JsonObject
) -> tuple[JsonObject, JsonObject]:
    """Return both as they are, or with what somebody else wants to be paid in their stead."""
    fault = desk.faults.take("checkout.pay", family=_OTHERWISE)
    if fault is None:
        return session, intent
    amount = intent["amount"] if fault.amount is None else fault.amount
    currency = fault.currency or intent["currency"]
    paid = {"amount_subtotal": amount, "amount_total": amount, "currency": currency}
    return {**session, **paid}, {**intent, "amount": amount, "currency": currency}


def _refuse(
    session: JsonObject,
    intent: JsonObject,
    charge: JsonObject,
    method: JsonObject,
    card: Card,
    kept: list[Change],
) -> Outcome:
    """The bank said no; the session stays open for another card."""
    decline = card.decline or _UNAUTHENTICATED
    refused = _without_payment(intent, decline, method, charge["id"])
    return Outcome(
        {**_declined(session, decline), "payment_intent": intent["id"], "charge": charge["id"]},
        [*kept, Change("payment_intent", intent["id"], refused), _linked(session, intent)],
        [("payment_intent.payment_failed", refused, None)],
    )


def _declined(session: JsonObject, decline: Decline) -> JsonObject:
    return {
        "outcome": "declined",
        "session": session["id"],
        "code": decline.code,
        "decline_code": decline.decline_code,
        "message": decline.message,
    }


def _without_payment(
    intent: JsonObject, decline: Decline, method: JsonObject, charge: str | None
) -> JsonObject:
    error = {
        "code": decline.code,
        "message": decline.message,
        "payment_method": method,
        "type": "card_error",
    }
    if decline.decline_code:
        error["decline_code"] = decline.decline_code
    if charge:
        error["charge"] = charge
    return {
        **intent,
        "status": "requires_payment_method",
        "latest_charge": charge or intent["latest_charge"],
        "last_payment_error": error,
        "next_action": None,
        "payment_method": None,
    }


def _linked(session: JsonObject, intent: JsonObject) -> Change:
    return Change("checkout_session", session["id"], {**session, "payment_intent": intent["id"]})
