"""Stripe's events as facts: what is not as documented is refused, what is not ours is passed."""

from __future__ import annotations

import json

import pytest

from tallystick.money import Currency, Money
from tallystick.payments import Declined, Expired, Paid
from tallystick.providers.stripe import events
from tallystick.webhooks import EventMalformed

PAYMENT = "pay_" + "0" * 26
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "payment_status": "paid",
    "amount_total": 150000,
    "currency": "kes",
    "metadata": {events.METADATA_KEY: PAYMENT},
}


def event(kind: str, content: object, **other: object) -> bytes:
    whole = {"id": "evt_1", "type": kind, "created": 1_790_000_000, "data": {"object": content}}
    return json.dumps({**whole, **other}).encode()


def fact(kind: str, content: object):
    return events.interpret(events.parse(event(kind, content)))


class TestParse:
    @pytest.mark.parametrize(
        "raw",
        [
            b"", b"[]", b"{}", b"null", b"\xff", b"NaN", b'{"id": 1}',
            event("x", {}, id=""), event("x", {}, id="e" * 256), event("x", {}, created="1"),
            event("x", {}, created=-1), event("x", []), b"[" * 100_000,
            event("x", {}, id="evt_\x00x"), event("x\x00", {}), event("x\n", {}),
            event("x", {}, created=2**40), event("x", {}, id="evt é"),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_event(self, raw):
        with pytest.raises(EventMalformed):
            events.parse(raw)


class TestInterpret:
    def test_reads_a_paid_session(self):
        read = fact("checkout.session.completed", SESSION)
        assert isinstance(read, Paid)
        assert (read.payment_id, read.reference) == (PAYMENT, "cs_1")
        assert read.amount == Money(150000, Currency("KES"))

    def test_waits_for_a_session_that_is_complete_but_not_paid(self):
        assert fact("checkout.session.completed", {**SESSION, "payment_status": "unpaid"}) is None

    def test_reads_an_expired_session(self):
        assert isinstance(fact("checkout.session.expired", SESSION), Expired)

    def test_reads_a_declined_card(self):
        error = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "No."}
        content = {"id": "pi_1", "metadata": SESSION["metadata"], "last_payment_error": error}
        read = fact("payment_intent.payment_failed", content)
        assert isinstance(read, Declined)
        assert (read.code, read.sentence) == ("insufficient_funds", "No.")

    @pytest.mark.parametrize("metadata", [{}, None, {"other": "x"}])
    def test_passes_over_what_is_not_ours(self, metadata):
        assert fact("checkout.session.completed", {**SESSION, "metadata": metadata}) is None

    def test_passes_over_kinds_that_move_nothing(self):
        assert fact("customer.created", SESSION) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"amount_total": "150000"},
            {"amount_total": -1},
            {"amount_total": 1.5},
            {"amount_total": 2**60},
            {"currency": "KES"},
            {"id": None},
        ],
    )
    def test_refuses_an_object_that_is_not_as_documented(self, change):
        with pytest.raises(EventMalformed):
            fact("checkout.session.completed", {**SESSION, **change})
