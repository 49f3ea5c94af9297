"""News that comes newest first, in one piece, or about money that is not where it should be."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import payments as factory
from factories.ledger import KES, balance, fund, post
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments
from tallystick.money import Money
from tallystick.payments import (
    DisputeReported,
    DisputeState,
    Expired,
    PaymentState,
    RefundReported,
    RefundStatus,
    facts,
    operations,
)

S = PaymentState


def account(conn, plan) -> int:
    return balance(conn, *ledger.open_accounts(conn, [plan]))


def told_refund(reference, collected, minor, status, at, refund_id=None):
    return RefundReported(
        refund_id=refund_id,
        reference=reference,
        collected_reference=collected,
        amount=Money(minor, KES),
        status=status,
        occurred_at=at,
        code="declined",
        sentence="No.",
    )


def freeze(conn, mine):
    ledger.freeze(conn, account_id=mine.available_id, actor="operator:a", reason="Fraud?")


def unfreeze(conn, mine):
    ledger.unfreeze(conn, account_id=mine.available_id, actor="operator:a", reason="No fraud.")


def dispute(payment, now, **change):
    told = {
        "reference": "du_1",
        "collected_reference": payment.collected_reference,
        "amount": payment.amount,
        "reason": "fraudulent",
        "state": DisputeState.OPEN,
        "is_withdrawn": True,
        "is_reinstated": False,
        "fee": Money(0, KES),
        "fee_returned": Money(0, KES),
        "opened_at": now,
        "occurred_at": now,
    }
    return DisputeReported(**{**told, **change})


class TestRefundOutOfOrder:
    def test_ours_reply_lost_failed_first_then_the_older_success(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        made = factory.sent_refund(conn, payment, minor=40_000)
        older = factory.refunded(made, payment, at=now)
        newer = factory.refunded(
            made,
            payment,
            at=now + timedelta(hours=1),
            status=RefundStatus.FAILED,
            code="declined",
            sentence="no",
        )
        factory.book(conn, newer)
        factory.book(conn, older)
        assert balance(conn, mine.available_id) == 150_000
        assert account(conn, chart.clearing("stripe", KES)) == -150_000

    def test_made_there_failed_first_then_the_older_success(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        pi = payment.collected_reference
        factory.book(
            conn, told_refund("re_d", pi, 40_000, RefundStatus.FAILED, now + timedelta(hours=1))
        )
        factory.book(conn, told_refund("re_d", pi, 40_000, RefundStatus.SUCCEEDED, now))
        assert balance(conn, mine.available_id) == 150_000


class TestMoneyInSuspense:
    def test_refund_in_the_dashboard_of_another_amount_leaves_the_wallet_alone(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        fund(conn, mine.available_id, 200_000)
        factory.book(
            conn, factory.paid(payment, at=now, amount=Money(90_000, KES)), is_confirmed=True
        )
        assert account(conn, chart.suspense("stripe", KES)) == 90_000
        factory.book(
            conn, told_refund("re_x", f"pi_{payment.id}", 90_000, RefundStatus.SUCCEEDED, now)
        )
        assert account(conn, chart.suspense("stripe", KES)) == 0
        assert balance(conn, mine.available_id) == 200_000


class TestDispute:
    def test_taken_and_given_back_in_one_news_leaves_no_debt(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        post(conn, mine.available_id, wallet(conn).available_id, 150_000)
        fact = dispute(payment, now, state=DisputeState.WON, is_reinstated=True)
        factory.book(conn, fact)
        assert account(conn, chart.wallet_receivable(mine.id, KES)) == 0
        assert balance(conn, mine.available_id) == 0


class TestBatch:
    def test_paid_then_expired_in_one_batch_settles(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        paid = factory.paid(payment, at=now)
        gone = Expired(ids.show("pay", payment.id), "cs_other", now)
        factory.book(conn, paid, gone)
        factory.book(conn, paid)  # the inbox tries again
        seen = payments.get(conn, payment_id=payment.id, owner=None)
        assert seen.state is S.SETTLED


class TestNewsTwice:
    def test_created_payment_into_frozen_wallet_is_booked_once(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.payment(conn, mine)
        ledger.freeze(conn, account_id=mine.available_id, actor="operator:a", reason="x")
        for _ in range(2):
            factory.book(conn, factory.paid(payment, at=now))
        assert account(conn, chart.suspense("stripe", KES)) == 150_000


class TestRefundInReview:
    def test_success_of_another_amount_after_three_days_is_booked(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        made = factory.sent_refund(conn, payment, minor=40_000)
        before = account(conn, chart.clearing("stripe", KES))
        made = operations.move(conn, made, S.UNKNOWN, now=now)
        operations.ask_a_person(conn, made, now=now)
        fact = factory.refunded(made, payment, at=now, amount=Money(30_000, KES))
        factory.book(conn, fact, is_confirmed=True)
        assert account(conn, chart.clearing("stripe", KES)) == before + 30_000


class TestFrozen:
    def test_dispute_taken_from_suspense_is_given_back_to_suspense(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        freeze(conn, mine)
        factory.book(conn, dispute(payment, now))
        assert account(conn, chart.suspense("stripe", KES)) == -150_000
        unfreeze(conn, mine)
        factory.book(conn, dispute(payment, now, state=DisputeState.WON, is_reinstated=True))
        assert balance(conn, mine.available_id) == 150_000
        assert account(conn, chart.suspense("stripe", KES)) == 0

    def test_refund_taken_from_suspense_that_comes_back_returns_there(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        freeze(conn, mine)
        pi = payment.collected_reference
        factory.book(conn, told_refund("re_1", pi, 40_000, RefundStatus.SUCCEEDED, now))
        unfreeze(conn, mine)
        factory.book(conn, told_refund("re_1", pi, 40_000, RefundStatus.FAILED, now))
        assert balance(conn, mine.available_id) == 150_000

    def test_paid_unbookable_then_refunded_leaves_the_unfrozen_wallet_alone(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        freeze(conn, mine)
        factory.book(conn, factory.paid(payment, at=now))
        unfreeze(conn, mine)
        fact = RefundReported(
            None, "re_1", f"pi_{payment.id}", payment.amount, RefundStatus.SUCCEEDED, now
        )
        factory.book(conn, fact)
        assert account(conn, chart.wallet_receivable(mine.id, KES)) == 0
        assert account(conn, chart.suspense("stripe", KES)) == 0

    def test_refund_that_failed_ends(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        made = factory.sent_refund(conn, payment, minor=40_000)
        freeze(conn, mine)
        [result] = factory.book(
            conn,
            factory.refunded(
                made, payment, at=now, status=RefundStatus.FAILED, code="x", sentence="y"
            ),
        )
        assert not isinstance(result, Exception), repr(result)


class TestRefundLate:
    @pytest.mark.parametrize("ended", [S.FAILED, S.EXPIRED])
    @pytest.mark.parametrize("is_frozen", [False, True])
    def test_that_fails_after_it_was_made_comes_back_to_where_it_was_taken(
        self, conn, ended, is_frozen
    ):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        make = factory.sent_refund if ended is S.FAILED else factory.refund
        made = make(conn, payment, minor=40_000)
        facts.end_refund(
            conn,
            payment_id=payment.id,
            refund_id=made.id,
            after=ended,
            code="refused",
            sentence="No.",
            cause="test",
            now=now,
        )
        if is_frozen:
            freeze(conn, mine)
        for _ in range(2):
            factory.book(conn, factory.refunded(made, payment, at=now))
        taken = chart.suspense("stripe", KES)
        assert account(conn, taken) == (-40_000 if is_frozen else 0)
        assert balance(conn, mine.available_id) == (150_000 if is_frozen else 110_000)
        if is_frozen:
            unfreeze(conn, mine)
        failed = factory.refunded(
            made, payment, at=now, status=RefundStatus.FAILED, code="x", sentence="Lost card."
        )
        for _ in range(2):
            factory.book(conn, failed)
        seen = payments.get(conn, payment_id=payment.id, owner=None)
        assert (balance(conn, mine.available_id), account(conn, taken)) == (150_000, 0)
        assert seen.refunded.minor == 0
        assert ledger.verify(conn) == []


class TestDisputeReturned:
    def test_into_a_frozen_wallet_waits_in_suspense_with_a_question(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        factory.book(conn, dispute(payment, now))
        freeze(conn, mine)
        won = dispute(payment, now, state=DisputeState.WON, is_reinstated=True)
        for _ in range(2):
            factory.book(conn, won)
        assert account(conn, chart.suspense("stripe", KES)) == 150_000
        found = payments.reviews(conn, payment_id=payment.id)
        assert {one.kind for one in found} == {"dispute", "dispute_unbookable"}
