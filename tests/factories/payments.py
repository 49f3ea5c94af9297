"""Payments, their provider and its events, with sane defaults."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import stripe as sdk

from factories.ledger import KES
from tallystick import db, ids, payments
from tallystick.db import Connection
from tallystick.money import Money
from tallystick.payments import (
    Accepted,
    Fact,
    Paid,
    Payment,
    Reason,
    Refund,
    RefundReported,
    RefundStatus,
    facts,
    operations,
)
from tallystick.payments.facts import Report
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
    begun = operations.begin(conn, created.names, capabilities=stripe().capabilities)
    assert begun is not None
    accepted = Accepted(f"cs_{created.id}", "http://127.0.0.1/pay")
    operations.record_accepted(conn, begun.attempt, accepted, payment_id=created.id)
    return payments.get(conn, payment_id=created.id, owner=wallet.owner)


def settled(conn: Connection, wallet: Wallet, **change: Any) -> Payment:
    """Create a payment that is paid, with its money in the wallet."""
    waiting = submitted(conn, wallet, **change)
    book(conn, paid(waiting, at=db.now(conn)))
    return payments.get(conn, payment_id=waiting.id, owner=wallet.owner)


def paid(payment: Payment, *, at: datetime, **change: Any) -> Paid:
    """Return the fact that a payment is paid."""
    told = {
        "payment_id": ids.show("pay", payment.id),
        "reference": f"cs_{payment.id}",
        "amount": payment.amount,
        "occurred_at": at,
        "collected_reference": f"pi_{payment.id}",
    }
    return Paid(**{**told, **change})


def refund(
    conn: Connection, payment: Payment, *, minor: int | None = None, **change: Any
) -> Refund:
    """Refund a payment, all that is left unless told; the same key unless told."""
    asked = {
        "payment_id": payment.id,
        "amount": None if minor is None else Money(minor, payment.amount.currency),
        "reason": Reason.REQUESTED_BY_CUSTOMER,
        "provider": stripe(),
        "actor": "person:operator",
        "caller": "person:operator",
        "key": "refund-1",
        "request_id": "test",
        "now": db.now(conn),
    }
    return payments.refund(conn, **{**asked, **change})


def sent_refund(conn: Connection, payment: Payment, **change: Any) -> Refund:
    """Refund a payment so far that a run is calling the provider."""
    made = refund(conn, payment, **change)
    assert operations.begin(conn, made.names, capabilities=stripe().capabilities)
    return seen_refund(conn, made)


def seen_refund(conn: Connection, made: Refund) -> Refund:
    """Return a refund as it stands."""
    found = payments.file(conn, payment_id=made.payment_id, owner=None).refunds
    return next(one for one in found if one.id == made.id)


def refunded(made: Refund, payment: Payment, *, at: datetime, **change: Any) -> RefundReported:
    """Return the fact that a refund of ours was made."""
    told = {
        "refund_id": ids.show("ref", made.id),
        "reference": f"re_{made.id}",
        "collected_reference": payment.collected_reference,
        "amount": made.amount,
        "status": RefundStatus.SUCCEEDED,
        "occurred_at": at,
    }
    return RefundReported(**{**told, **change})


def book(
    conn: Connection, *told: Fact, is_confirmed: bool = False, **change: Any
) -> list[facts.Result]:
    """Book facts of Stripe's in one batch, received now unless told."""
    now = db.now(conn)
    asked = {"provider": "stripe", "now": now, **change}
    received_at = asked.pop("received_at", now)
    reports = [Report(fact, "test", received_at, is_confirmed=is_confirmed) for fact in told]
    return facts.book(conn, reports, **asked)


def event(external_id: str = "evt_1", **change: Any) -> bytes:
    """Return an event about somebody else's session, as it is sent."""
    plain = {"id": external_id, "type": "checkout.session.completed", "created": 1_790_000_000}
    return json.dumps({**plain, "data": {"object": {}}, **change}).encode()


def paid_event(paid: Payment, *, external_id: str = "evt_paid") -> bytes:
    """Return the event that says that a payment's session is paid."""
    session = {
        "id": f"cs_{paid.id}",
        "payment_status": "paid",
        "amount_total": paid.amount.minor,
        "currency": paid.amount.currency.code.lower(),
        "payment_intent": f"pi_{paid.id}",
        "metadata": {"tallystick_payment": ids.show("pay", paid.id)},
    }
    return event(external_id, type="checkout.session.completed", data={"object": session})


def signature(raw: bytes, *, stamp: int | None = None, secret: str = SECRET) -> str:
    """Return the Stripe-Signature header of a body."""
    return sdk.WebhookSignature.generate_signature_header(raw.decode(), secret, stamp)
