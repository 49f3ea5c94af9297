"""Stripe's objects, as the API version below shows them: builders of plain JSON objects.

Pure: they take what differs and fill in what a new test-mode object always has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.stripe.amounts import fee_of
from tallystick.simulator.stripe.cards import Card

__all__ = [
    "API_VERSION",
    "account",
    "balance_entry",
    "charge",
    "event",
    "line_item",
    "payment_intent",
    "payment_method",
    "refund",
    "session",
]

#: The version that the official SDK 16.1 pins.
API_VERSION: Final = "2026-10-28.endive"

#: The card's expiry as shown; people type another, and nobody keeps it.
_EXPIRY: Final = (12, 2034)

#: Properties that the API always shows and the simulator never fills.
_SESSION_NONE: Final = (  # noqa: SIM905 - names read best as words
    "after_expiration allow_promotion_codes branding_settings client_secret "
    "collected_information consent consent_collection currency_conversion customer "
    "customer_account invoice invoice_creation origin_context payment_intent payment_link "
    "payment_method_configuration_details permissions presentment_details recovered_from "
    "saved_payment_method_options setup_intent shipping_address_collection shipping_cost "
    "subscription wallet_options"
).split()
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


def account(name: str, *, created: int) -> JsonObject:
    """Return the merchant's account."""
    return {
        "id": "acct_simulated",
        "object": "account",
        "business_profile": {"name": name, "url": None, "mcc": None},
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": created,
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": name, "timezone": "Etc/UTC"}},
        "type": "standard",
    }


def line_item(identity: str, item: Mapping[str, Any], *, token: str) -> JsonObject:
    """Return one line of a checkout session from its validated parameters."""
    price = item["price_data"]
    product = price["product_data"]
    total = price["unit_amount"] * item["quantity"]
    return {
        "id": identity,
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": {
            "id": f"price_{token}",
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "currency": price["currency"],
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "product": f"prod_{token}",
            "recurring": None,
            "type": "one_time",
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": item["quantity"],
    }


def session(identity: str, fields: Mapping[str, Any], *, now: int, url: str) -> JsonObject:
    """Return a new open checkout session; `fields` holds what the request and the items say."""
    email = fields.get("customer_email")
    return {
        "id": identity,
        **dict.fromkeys(_SESSION_NONE),
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": fields["amount_total"],
        "amount_total": fields["amount_total"],
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": fields.get("billing_address_collection"),
        "cancel_url": fields.get("cancel_url"),
        "client_reference_id": fields.get("client_reference_id"),
        "created": now,
        "currency": fields["currency"],
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer_creation": fields.get("customer_creation", "if_required"),
        "customer_details": _customer_details(email) if email else None,
        "customer_email": email,
        "discounts": [],
        "expires_at": fields["expires_at"],
        "livemode": False,
        "locale": fields.get("locale"),
        "metadata": fields.get("metadata", {}),
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "submit_type": fields.get("submit_type"),
        "success_url": fields["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": url,
    }


def _customer_details(email: str) -> JsonObject:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


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


def balance_entry(
    identity: str, source: str, *, amount: int, currency: str, now: int, kind: str
) -> JsonObject:
    """Return the balance transaction of a charge (`amount` > 0, costs a fee) or a refund (< 0)."""
    fee = fee_of(amount) if amount > 0 else 0
    detail = {
        "amount": fee,
        "application": None,
        "currency": currency,
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return {
        "id": identity,
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now + 2 * 86_400,
        "balance_type": "payments",
        "created": now,
        "currency": currency,
        "description": None,
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [detail] if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source,
        "status": "pending",
        "type": kind,
    }


def refund(
    identity: str, of_charge: Mapping[str, Any], *, amount: int, balance: str, now: int
) -> JsonObject:
    """Return a refund that succeeded at once, as card refunds do in test mode."""
    return {
        "id": identity,
        "object": "refund",
        "amount": amount,
        "balance_transaction": balance,
        "charge": of_charge["id"],
        "created": now,
        "currency": of_charge["currency"],
        "destination_details": {
            "card": {"reference_status": "pending", "reference_type": "acquirer_reference_number",
                     "type": "refund"},
            "type": "card",
        },
        "metadata": {},
        "payment_intent": of_charge["payment_intent"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }  # fmt: skip


def event(
    identity: str,
    *,
    kind: str,
    thing: JsonObject,
    before: JsonObject | None,
    now: int,
    request: str | None,
    key: str | None,
) -> JsonObject:
    """Return the event that tells of the object as it is now."""
    data = {"object": thing} if before is None else {"object": thing, "previous_attributes": before}
    return {
        "id": identity,
        "object": "event",
        "api_version": API_VERSION,
        "created": now,
        "data": data,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request, "idempotency_key": key},
        "type": kind,
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
        "network": card.brand,
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
