"""The verbs: each decides on the book as it stands and returns an Outcome; none writes.

The caller holds the book's lock from before the call until the outcome is committed, so a
double click pays once and two refunds never return more than was paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import Change, JsonObject
from tallystick.simulator.stripe import amounts, objects
from tallystick.simulator.stripe.cards import Card, Decline
from tallystick.simulator.stripe.errors import NotAllowed, NotFound, RequestInvalid
from tallystick.simulator.stripe.model import Desk, Outcome

__all__ = [
    "authenticate",
    "create_refund",
    "create_session",
    "expire_session",
    "find",
    "overdue_sessions",
    "pay",
]

_EXPIRES_AFTER_S: Final = 86_400
_EXPIRES_AFTER_S_MIN: Final = 1_800

_UNAUTHENTICATED: Final = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)


def find(desk: Desk, kind: str, identity: str, *, param: str = "id") -> JsonObject:
    """Return the object of the kind; raise NotFound in Stripe's words."""
    thing = desk.book.find(kind, identity)
    if thing is None:
        label = kind.replace("checkout_session", "checkout.session")
        raise NotFound(
            f"No such {label}: '{identity[:80]}'", reason="resource_missing", param=param
        )
    return thing


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
        objects.line_item(desk.name("li"), _lower(item), token=desk.token(24))
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
    now = desk.now()
    return [
        session["id"]
        for session in desk.book.newest_first("checkout_session")
        if session["status"] == "open" and session["expires_at"] <= now
    ]


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


def create_refund(desk: Desk, asked: Mapping[str, Any]) -> Outcome:
    """Return a refund, of what is left unless an amount is asked; raise NotAllowed beyond it."""
    charge = _refundable(desk, asked)
    left = charge["amount_captured"] - charge["amount_refunded"]
    if left == 0:
        raise NotAllowed(
            f"Charge {charge['id']} has already been refunded.", reason="charge_already_refunded"
        )
    amount = asked.get("amount", left)
    if amount > left:
        currency = charge["currency"]
        raise NotAllowed(
            f"Refund amount ({amounts.show(amount, currency)}) is greater than unrefunded "
            f"amount on charge ({amounts.show(left, currency)})",
            param="amount",
        )
    now, identity, balance = desk.now(), desk.name("re"), desk.name("txn")
    refund = {
        **objects.refund(identity, charge, amount=amount, balance=balance, now=now),
        "metadata": asked.get("metadata", {}),
        "reason": asked.get("reason"),
    }
    entry = objects.balance_entry(
        balance, identity, amount=-amount, currency=charge["currency"], now=now, kind="refund"
    )
    before = {key: charge[key] for key in ("amount_refunded", "refunded")}
    changed = {
        **charge,
        "amount_refunded": charge["amount_refunded"] + amount,
        "refunded": amount == left,
    }
    return Outcome(
        refund,
        [
            Change("refund", identity, refund),
            Change("balance_transaction", balance, entry),
            Change("charge", charge["id"], changed),
        ],
        [("charge.refunded", changed, before)],
    )


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
    paid = {
        **intent,
        "status": "succeeded",
        "amount_received": intent["amount"],
        "latest_charge": charge["id"],
        "last_payment_error": None,
        "next_action": None,
        "payment_method": method["id"],
    }
    complete = {
        **session,
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": paid["id"],
        "url": None,
    }
    entry = objects.balance_entry(
        balance,
        charge["id"],
        amount=charge["amount"],
        currency=charge["currency"],
        now=now,
        kind="charge",
    )
    return Outcome(
        {
            "outcome": "paid",
            "session": session["id"],
            "payment_intent": paid["id"],
            "charge": charge["id"],
        },
        [
            *kept,
            Change("balance_transaction", balance, entry),
            Change("payment_intent", paid["id"], paid),
            Change("checkout_session", session["id"], complete),
        ],
        [
            ("charge.succeeded", charge, None),
            ("payment_intent.succeeded", paid, None),
            ("checkout.session.completed", complete, None),
        ],
    )


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


def _refundable(desk: Desk, asked: Mapping[str, Any]) -> JsonObject:
    if ("charge" in asked) == ("payment_intent" in asked):
        raise RequestInvalid(
            "One of the following params should be provided for this request: "
            "payment_intent or charge."
        )
    if "charge" in asked:
        charge = find(desk, "charge", asked["charge"], param="charge")
    else:
        intent = find(desk, "payment_intent", asked["payment_intent"], param="payment_intent")
        latest = intent["latest_charge"]
        charge = find(desk, "charge", latest) if latest else {"paid": False}
    if not charge["paid"]:
        raise NotAllowed("This payment does not have a successful charge to refund.")
    return charge
