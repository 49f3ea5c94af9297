"""Stripe at the end of a line, whose answers a test writes, and what it is asked about."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from factories.peers import Peer, Talk
from tallystick import ids
from tallystick.money import Currency, Money
from tallystick.payments import Attempt, Origin, Payment, PaymentState, Reason, Refund
from tallystick.providers.stripe import Stripe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MONEY = Money(150_000, Currency("KES"))
SESSION = json.dumps(
    {
        "id": "cs_1",
        "object": "checkout.session",
        "url": "https://pay.example/cs_1",
        "payment_status": "unpaid",
        "amount_total": MONEY.minor,
        "currency": "kes",
        "metadata": {"tallystick_payment": ids.show("pay", UUID(int=7))},
    }
).encode()


def provider(peer: Peer, **changed: object) -> Stripe:
    asked = {
        "secret_key": "sk_test_unit",
        "webhook_secret": "whsec_unit",
        "api_url": peer.url.removesuffix("/v1/things"),
        "public_url": "http://127.0.0.1:8123",
        "timeout_s": 5,
        **changed,
    }
    return Stripe(**asked)  # type: ignore[arg-type] # as the test says


def payment(**changed: object) -> Payment:
    made = Payment(
        id=UUID(int=7),
        owner="person:1",
        wallet_id=UUID(int=8),
        amount=MONEY,
        provider="stripe",
        state=PaymentState.SENDING,
        reference=None,
        action_url=None,
        failure_code=None,
        failure_detail=None,
        posting_id=None,
        request_id="req",
        fingerprint=b"",
        expires_at=NOW,
        created_at=NOW,
        updated_at=NOW,
        settled_at=None,
        collected_reference=None,
        refunded=Money(0, MONEY.currency),
        waiting_since=NOW,
        look_at=None,
    )
    return replace(made, **changed)  # type: ignore[arg-type] # as the test says


ATTEMPT = Attempt(UUID(int=9), UUID(int=7), 1, "key-1", NOW, None)


def answer(status: int, body: bytes, *more: bytes) -> bytes:
    head = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % len(body), *more, b"", b""]
    return b"\r\n".join(head) + body


def refund(**changed: object) -> Refund:
    made = Refund(
        id=UUID(int=10),
        payment_id=UUID(int=7),
        amount=Money(40_000, MONEY.currency),
        provider="stripe",
        origin=Origin.OURS,
        state=PaymentState.SENDING,
        reason=Reason.DUPLICATE,
        actor="person:operator",
        caller="person:operator",
        key="key-2",
        fingerprint=b"",
        request_id="req",
        expires_at=NOW,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(made, **changed)  # type: ignore[arg-type] # as the test says


def session(**changed: object) -> dict[str, object]:
    """Return the paid session of the payment."""
    return {
        **json.loads(SESSION),
        "status": "complete",
        "payment_status": "paid",
        "payment_intent": "pi_1",
        "created": int(NOW.timestamp()),
        **changed,
    }


def made_refund(**changed: object) -> dict[str, object]:
    """Return the refund as it was asked for."""
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 40_000,
        "currency": "kes",
        "status": "succeeded",
        "payment_intent": "pi_1",
        "created": int(NOW.timestamp()),
        "metadata": {"tallystick_refund": ids.show("ref", UUID(int=10))},
        **changed,
    }


def listing(*objects: object, has_more: object = False) -> dict[str, object]:
    return {"object": "list", "url": "/v1/things", "has_more": has_more, "data": list(objects)}


def says(make: Callable[[str], object]) -> Callable[[Talk], object]:
    """Return a script that answers each request with what `make` says to its first line."""

    def script(talk: Talk) -> object:
        told = make(talk.request.partition(b"\r\n")[0].decode())
        return talk.send(answer(200, json.dumps(told).encode()))

    return script
