"""Payment intents, payment methods and charges: builders, pure.

Of a card they know the brand and the last four digits, nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.stripe.cards import Card

__all__ = ["charge", "payment_intent", "payment_method"]

#: The card's expiry as shown; people type another, and nobody keeps it.
_EXPIRY: Final = (12, 2034)

#: Properties that the API always shows and the simulator never fills.
_PAYMENT_INTENT_NONE: Final = (  # noqa: SIM905 - names read best as words
    "application application_fee_amount automatic_payment_methods canceled_at "
    "cancellation_reason customer customer_account excluded_payment_method_types "
    "last_payment_error latest_charge next_action on_behalf_of payment_method "
    "payment_method_configuration_details processing review setup_future_usage shipping "
    "source transfer_data"
).split()
_CHARGE_NONE: Final = (  # noqa: SIM905 - names read best as words
    "application application_fee application_fee_amount customer failure_balance_transaction "
    "on_behalf_of receipt_number receipt_url review shipping source source_transfer "
    "transfer_data"
).split()


def payment_intent(
    identity: str, of_session: Mapping[str, Any], data: Mapping[str, Any], *, now: int, token: str
) -> JsonObject:
    """Return a new payment intent for a session; `data` is the session's payment_intent_data."""
    return {
        "id": identity,
        **dict.fromkeys(_PAYMENT_INTENT_NONE),
        "object": "payment_intent",
        "amount": of_session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": data.get("capture_method", "automatic_async"),
        "client_secret": f"{identity}_secret_{token}",
        "confirmation_method": "automatic",
        "created": now,
        "currency": of_session["currency"],
        "description": data.get("description"),
        "livemode": False,
        "metadata": data.get("metadata", {}),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "receipt_email": data.get("receipt_email"),
        "statement_descriptor": data.get("statement_descriptor"),
        "statement_descriptor_suffix": data.get("statement_descriptor_suffix"),
        "status": "requires_payment_method",
        "transfer_group": data.get("transfer_group"),
    }


def payment_method(identity: str, card: Card, *, now: int, email: str | None) -> JsonObject:
    """Return the card as a payment method: brand and last four digits, nothing more."""
    return {
        "id": identity,
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {"address": _address(), "email": email, "name": None, "phone": None},
        "card": _card(card),
        "created": now,
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def charge(
    identity: str,
    intent: Mapping[str, Any],
    card: Card,
    *,
    now: int,
    method: JsonObject,
    balance: str | None,
    is_authenticated: bool,
) -> JsonObject:
    """Return a charge: captured where there is a balance entry, else declined."""
    paid = balance is not None
    decline = card.decline
    return {
        "id": identity,
        **dict.fromkeys(_CHARGE_NONE),
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if paid else 0,
        "amount_refunded": 0,
        "balance_transaction": balance,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": "SIMULATOR",
        "captured": paid,
        "created": now,
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": _outcome(card),
        "paid": paid,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                **_card(card),
                "network": card.brand,
                "amount_authorized": intent["amount"] if paid else None,
                "three_d_secure": {"result": "authenticated"} if is_authenticated else None,
            },
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded" if paid else "failed",
        "transfer_group": intent["transfer_group"],
    }


def _card(card: Card) -> JsonObject:
    month, year = _EXPIRY
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        "exp_month": month,
        "exp_year": year,
        "fingerprint": f"simulated{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "wallet": None,
    }  # fmt: skip


def _address() -> JsonObject:
    return dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def _outcome(card: Card) -> JsonObject:
    decline = card.decline
    return {
        "network_status": "declined_by_network" if decline else "approved_by_network",
        "reason": (decline.decline_code or decline.code) if decline else None,
        "risk_level": "normal",
        "seller_message": "The bank did not return any further details with this decline."
        if decline
        else "Payment complete.",
        "type": "issuer_declined" if decline else "authorized",
    }
