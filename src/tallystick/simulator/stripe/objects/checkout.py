"""Checkout sessions and their lines: builders, pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import JsonObject

__all__ = ["line_item", "session"]

#: Properties that the API always shows and the simulator never fills.
_SESSION_NONE: Final = (  # noqa: SIM905 - names read best as words
    "after_expiration allow_promotion_codes branding_settings client_secret "
    "collected_information consent consent_collection currency_conversion customer "
    "customer_account invoice invoice_creation origin_context payment_intent payment_link "
    "payment_method_configuration_details permissions presentment_details recovered_from "
    "saved_payment_method_options setup_intent shipping_address_collection shipping_cost "
    "subscription wallet_options"
).split()


def line_item(identity: str, item: Mapping[str, Any], *, now: int, token: str) -> JsonObject:
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
            "created": now,
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
