"""Stripe's events as facts: what is not as documented is refused, what is not ours is passed."""

from __future__ import annotations

import json

import pytest

from tallystick.money import Currency, Money
from tallystick.payments import Declined, DisputeReported, Expired, Paid, Reason, RefundReported
from tallystick.providers.stripe import events, objects
from tallystick.webhooks import EventMalformed

PAYMENT = "pay_" + "0" * 26
SESSION = {
    "id": "cs_1",
    "object": "checkout.session",
    "payment_status": "paid",
    "amount_total": 150000,
    "currency": "kes",
    "metadata": {objects.PAYMENT_KEY: PAYMENT},
}

REFUND = {
    "id": "re_1",
    "amount": 700,
    "currency": "kes",
    "status": "succeeded",
    "payment_intent": "pi_1",
    "metadata": {objects.REFUND_KEY: "ref_1"},
    "reason": "duplicate",
    "created": 1_790_000_000,
}
DISPUTE = {
    "id": "du_1",
    "amount": 700,
    "currency": "kes",
    "status": "needs_response",
    "reason": "fraudulent",
    "payment_intent": "pi_1",
    "created": 1_790_000_000,
    "balance_transactions": [],
}


def event(kind: str, content: object, **other: object) -> bytes:
    whole = {"id": "evt_1", "type": kind, "created": 1_790_000_000, "data": {"object": content}}
    return json.dumps({**whole, **other}).encode()


def fact(kind: str, content: object, *, is_live: bool = False, **other: object):
    return events.interpret(events.parse(event(kind, content, **other)), is_live=is_live)


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
        assert (read.code, "smaller one" in read.sentence) == ("insufficient_funds", True)

    def test_gives_a_person_the_words_of_stripe_for_a_code_without_ours(self):
        error = {"code": "card_velocity_exceeded", "message": "Too often."}
        content = {"id": "pi_1", "metadata": SESSION["metadata"], "last_payment_error": error}
        read = fact("payment_intent.payment_failed", content)
        assert (read.code, read.sentence) == ("card_velocity_exceeded", "Too often.")

    @pytest.mark.parametrize(
        ("status", "read_as"),
        [("pending", "pending"), ("succeeded", "succeeded"), ("canceled", "failed")],
    )
    def test_reads_a_refund(self, status, read_as):
        read = fact("refund.updated", {**REFUND, "status": status})
        assert isinstance(read, RefundReported)
        assert (read.refund_id, read.collected_reference) == ("ref_1", "pi_1")
        assert (read.status, read.reason) == (read_as, Reason.DUPLICATE)

    def test_reads_a_refund_made_in_the_dashboard(self):
        read = fact("refund.created", {**REFUND, "metadata": None, "reason": None})
        assert (read.refund_id, read.reason) == (None, Reason.OTHER)

    @pytest.mark.parametrize(
        ("entries", "flags", "fees"),
        [
            ([], (False, False), (0, 0)),
            ([(-700, 1500)], (True, False), (1500, 0)),
            ([(-700, 1500), (700, -1500)], (True, True), (1500, 1500)),
        ],
    )
    def test_reads_a_dispute(self, entries, flags, fees):
        made = [{"amount": amount, "fee": fee, "currency": "kes"} for amount, fee in entries]
        read = fact("charge.dispute.updated", {**DISPUTE, "balance_transactions": made})
        assert isinstance(read, DisputeReported)
        assert (read.is_withdrawn, read.is_reinstated) == flags
        assert (read.fee.minor, read.fee_returned.minor) == fees

    @pytest.mark.parametrize(
        ("status", "state"), [("won", "won"), ("lost", "lost"), ("under_review", "open")]
    )
    def test_reads_how_a_dispute_stands(self, status, state):
        assert fact("charge.dispute.closed", {**DISPUTE, "status": status}).state == state

    @pytest.mark.parametrize("content", [{"payment_intent": None}, {"payment_intent": ""}])
    def test_passes_over_a_refund_of_no_payment_intent(self, content):
        try:
            assert fact("refund.created", {**REFUND, **content}) is None
        except EventMalformed:
            assert content["payment_intent"] == ""

    def test_passes_over_the_other_mode_and_other_accounts(self):
        kind = "checkout.session.completed"
        assert fact(kind, SESSION, livemode=True) is None
        assert fact(kind, SESSION, is_live=True) is None
        assert isinstance(fact(kind, SESSION, is_live=True, livemode=True), Paid)
        assert fact(kind, SESSION, account="acct_other") is None

    @pytest.mark.parametrize("metadata", [{}, None, {"other": "x"}])
    def test_passes_over_what_is_not_ours(self, metadata):
        assert fact("checkout.session.completed", {**SESSION, "metadata": metadata}) is None

    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            ("checkout.session.completed", SESSION),
            ("checkout.session.async_payment_succeeded", SESSION),
            ("checkout.session.expired", SESSION),
            ("checkout.session.async_payment_failed", SESSION),
            ("payment_intent.payment_failed", {"id": "pi_1", "metadata": SESSION["metadata"]}),
            ("refund.created", REFUND),
            ("refund.updated", REFUND),
            ("refund.failed", REFUND),
            ("charge.refund.updated", REFUND),
            ("charge.dispute.created", DISPUTE),
            ("charge.dispute.funds_withdrawn", DISPUTE),
            ("charge.dispute.closed", DISPUTE),
        ],
    )
    def test_are_handled_where_they_say_something(self, kind, content):
        told = events.parse(event(kind, content))
        assert not told.is_silent
        assert events.interpret(told, is_live=False) is not None

    @pytest.mark.parametrize(
        "kind", ["customer.created", "payment_intent.succeeded", "charge.succeeded", "charge."]
    )
    def test_are_silent_where_their_kind_moves_nothing(self, kind):
        told = events.parse(event(kind, SESSION))
        assert told.is_silent
        assert events.interpret(told, is_live=False) is None

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
