"""The account and the events that are told of it: builders, pure."""

from __future__ import annotations

from typing import Final

from tallystick.simulator.book import JsonObject

__all__ = ["API_VERSION", "account", "event"]

#: The version that the official SDK 16.1 pins.
API_VERSION: Final = "2026-10-28.endive"


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
        "settings": {
            "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
            "card_payments": {
                "statement_descriptor_prefix": None,
                "statement_descriptor_prefix_kana": None,
                "statement_descriptor_prefix_kanji": None,
            },
            "dashboard": {"display_name": name, "timezone": "Etc/UTC"},
            "payments": {
                "statement_descriptor": "SIMULATOR",
                "statement_descriptor_kana": None,
                "statement_descriptor_kanji": None,
            },
        },
        "type": "standard",
    }


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
