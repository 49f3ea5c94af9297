"""Payments, their provider and its events, with sane defaults."""

from __future__ import annotations

import json
from typing import Any

import stripe as sdk

from factories.ledger import KES
from tallystick import db, ids, payments
from tallystick.db import Connection
from tallystick.money import Money
from tallystick.payments import Accepted, Payment, operations
from tallystick.providers.stripe import Stripe
from tallystick.wallets import Wallet

SECRET = "whsec_unit"
MINOR = 150_000


def stripe() -> Stripe:
    """Return Stripe as a provider whose network is never reached."""
    return Stripe(
        secret_key="sk_test_unit",
        webhook_secret=SECRET,
        api_url="http://127.0.0.1:9",
        public_url="http://127.0.0.1:8123",
    )


def payment(conn: Connection, wallet: Wallet, *, minor: int = MINOR, **change: Any) -> Payment:
    """Create a payment into the wallet; the same key unless told."""
    asked = {
        "owner": wallet.owner,
        "wallet_id": wallet.id,
        "amount": Money(minor, KES),
        "provider": stripe(),
        "caller": wallet.owner,
        "key": "key-1",
        "request_id": "test",
        "now": db.now(conn),
    }
    return payments.create(conn, **{**asked, **change})


def submitted(conn: Connection, wallet: Wallet, **change: Any) -> Payment:
    """Create a payment that the provider has taken."""
    created = payment(conn, wallet, **change)
    now = db.now(conn)
    begun = operations.begin(conn, created.id, capabilities=stripe().capabilities, now=now)
    assert begun is not None
    accepted = Accepted(f"cs_{created.id}", "http://127.0.0.1/pay")
    operations.record_accepted(conn, begun.attempt, accepted, now=now)
    return payments.get(conn, payment_id=created.id, owner=wallet.owner)


def event(external_id: str = "evt_1", **change: Any) -> bytes:
    """Return an event of Stripe's that says nothing about us, as it is sent."""
    plain = {"id": external_id, "type": "customer.created", "created": 1_790_000_000}
    return json.dumps({**plain, "data": {"object": {}}, **change}).encode()


def paid_event(paid: Payment, *, external_id: str = "evt_paid") -> bytes:
    """Return the event that says that a payment's session is paid."""
    session = {
        "id": f"cs_{paid.id}",
        "payment_status": "paid",
        "amount_total": paid.amount.minor,
        "currency": paid.amount.currency.code.lower(),
        "metadata": {"tallystick_payment": ids.show("pay", paid.id)},
    }
    return event(external_id, type="checkout.session.completed", data={"object": session})


def signature(raw: bytes, *, stamp: int | None = None, secret: str = SECRET) -> str:
    """Return the Stripe-Signature header of a body."""
    return sdk.WebhookSignature.generate_signature_header(raw.decode(), secret, stamp)
