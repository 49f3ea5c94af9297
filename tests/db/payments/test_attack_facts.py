"""Attacks on facts: each test states what should hold."""

from __future__ import annotations

from datetime import timedelta

import pytest

from factories import payments as factory
from factories.ledger import KES, balance, fund, post
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments
from tallystick.money import Money
from tallystick.payments import (
    AmountOutOfRange,
    DisputeReported,
    DisputeState,
    Expired,
    PaymentState,
    RefundReported,
    RefundStatus,
    RefundTooLarge,
    operations,
)
from tallystick.payments.facts import Booked
from tallystick.payments import store

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
    )


class TestRefundOutOfOrder:
    """Stripe: created(succeeded) and later failed; delivered the other way round."""

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
        # What `trace` does once the refund turned out to be of this payment's money.
        store.run(conn, "set_collected", id=payment.id, reference=f"pi_{payment.id}")
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
        fact = DisputeReported(
            reference="du_1",
            collected_reference=payment.collected_reference,
            amount=Money(150_000, KES),
            reason="fraudulent",
            state=DisputeState.WON,
            is_withdrawn=True,
            is_reinstated=True,
            fee=Money(0, KES),
            fee_returned=Money(0, KES),
            opened_at=now,
            occurred_at=now,
        )
        factory.book(conn, fact)
        assert account(conn, chart.wallet_receivable(mine.id, KES)) == 0
        assert balance(conn, mine.available_id) == 0


class TestWords:
    def test_nothing_left_is_not_an_amount_of_nothing(self, conn):
        mine = wallet(conn)
        payment = factory.settled(conn, mine)
        factory.refund(conn, payment, key="a")
        with pytest.raises(RefundTooLarge):
            factory.refund(conn, payment, key="b")


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


class TestReverse:
    def test_of_a_claim_does_not_shut_the_wallet(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        post(conn, mine.available_id, wallet(conn).available_id, 150_000)
        factory.book(
            conn,
            told_refund("re_x", payment.collected_reference, 40_000, RefundStatus.SUCCEEDED, now),
        )
        [made] = payments.file(conn, payment_id=payment.id, owner=None).refunds
        ledger.reverse(
            conn, actor="operator:x", request_id="r", occurred_at=now, posting_id=made.posting_id
        )
        assert ledger.verify(conn) == []
        fund(conn, mine.available_id, 10_000)
        assert balance(conn, mine.available_id) == 10_000


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

    def test_success_of_another_amount_after_the_end_is_booked(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        made = factory.sent_refund(conn, payment, minor=40_000)
        factory.book(
            conn,
            factory.refunded(
                made, payment, at=now, status=RefundStatus.FAILED, code="x", sentence="y"
            ),
        )
        before = account(conn, chart.clearing("stripe", KES))
        fact = factory.refunded(made, payment, at=now, amount=Money(30_000, KES))
        factory.book(conn, fact, is_confirmed=True)
        assert account(conn, chart.clearing("stripe", KES)) == before + 30_000
