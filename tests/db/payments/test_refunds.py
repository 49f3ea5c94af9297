"""Refunds and disputes: what is left is guarded, the money held first, each booked once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from factories import payments as factory
from factories.ledger import KES, balance, fund, post
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments
from tallystick.money import Currency, CurrencyMismatch, Money
from tallystick.payments import (
    AmountOutOfRange,
    DisputeReported,
    DisputeState,
    FactEarly,
    NewsKind,
    Origin,
    PaymentNotFound,
    PaymentState,
    Reason,
    RefundNotCovered,
    RefundReported,
    RefundStatus,
    RefundTooLarge,
    RefundUnsupported,
    facts,
)
from tallystick.payments.facts import Booked, MustAsk, Stranger

S = PaymentState
BOOKED = Booked()


@pytest.fixture
def desk(conn):
    """A settled payment of 1,500 and its wallet."""
    return Desk(conn, wallet(conn))


class Desk:
    def __init__(self, conn, owned):
        self.conn, self.wallet, self.now = conn, owned, db.now(conn)
        self.payment = factory.settled(conn, owned)

    @property
    def money(self) -> tuple[int, int]:
        """Return what the wallet may spend and what it holds."""
        return tuple(
            balance(self.conn, one) for one in (self.wallet.available_id, self.wallet.held_id)
        )

    @property
    def left(self) -> int:
        return self.file.payment.left.minor

    @property
    def file(self):
        return payments.file(self.conn, payment_id=self.payment.id, owner=None)

    def account(self, plan) -> int:
        return balance(self.conn, *ledger.open_accounts(self.conn, [plan]))

    @property
    def clearing(self) -> int:
        return self.account(chart.clearing("stripe", KES))

    def refund(self, minor=None, **change):
        return factory.refund(self.conn, self.payment, minor=minor, **change)

    def sent(self, minor=None, **change):
        return factory.sent_refund(self.conn, self.payment, minor=minor, **change)

    def seen(self, refund):
        return factory.seen_refund(self.conn, refund)

    def reported(self, refund, **change):
        return factory.refunded(refund, self.payment, at=self.now, **change)

    def book(self, *told, **change):
        results = factory.book(self.conn, *told, **change)
        assert ledger.verify(self.conn) == []
        return results

    def spend(self, minor: int) -> None:
        post(self.conn, self.wallet.available_id, wallet(self.conn).available_id, minor)

    def made_there(self, minor: int, reference: str = "re_there", **change):
        told = {
            "refund_id": None,
            "reference": reference,
            "collected_reference": self.payment.collected_reference,
            "amount": Money(minor, KES),
            "status": RefundStatus.SUCCEEDED,
            "occurred_at": self.now,
        }
        return RefundReported(**{**told, **change})


class TestRefund:
    def test_sets_the_money_aside_and_keeps_the_job_that_sends_it(self, conn, desk):
        refund = desk.refund(50_000)
        assert (refund.state, refund.origin) == (S.CREATED, Origin.OURS)
        assert (desk.money, desk.left) == ((100_000, 50_000), 100_000)
        jobs = conn.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE args->>'refund_id' = %s",
            (str(refund.id),),
        ).fetchall()
        assert jobs == [("payments.refund",)]
        assert ledger.verify(conn) == []

    def test_without_an_amount_is_of_all_that_is_left(self, desk):
        desk.refund(50_000)
        assert desk.refund(key="rest").amount == Money(100_000, KES)
        assert (desk.money, desk.left) == ((0, 150_000), 0)

    def test_replays_the_same_key(self, desk):
        assert desk.refund(50_000) == desk.refund(50_000)
        assert desk.money == (100_000, 50_000)

    @pytest.mark.parametrize("change", [{"minor": 50_001}, {"reason": Reason.DUPLICATE}])
    def test_refuses_the_same_key_for_another_request(self, desk, change):
        desk.refund(50_000)
        with pytest.raises(payments.KeyReused):
            desk.refund(**{"minor": 50_000, **change})

    def test_never_exceeds_what_is_left(self, desk):
        desk.refund(100_000)
        with pytest.raises(RefundTooLarge) as refused:
            desk.refund(50_001, key="more")
        assert refused.value.left == Money(50_000, KES)
        assert (desk.money, len(desk.file.refunds)) == ((50_000, 100_000), 1)

    def test_needs_the_money_in_the_wallet(self, desk):
        desk.spend(100_001)
        with pytest.raises(RefundNotCovered) as refused:
            desk.refund(50_000)
        assert refused.value.available == Money(49_999, KES)
        assert (desk.money, desk.file.refunds, desk.left) == ((49_999, 0), [], 150_000)

    @pytest.mark.parametrize(
        ("amount", "refusal"),
        [
            (Money(0, KES), AmountOutOfRange),
            (Money(-1, KES), AmountOutOfRange),
            (Money(1, Currency("USD")), CurrencyMismatch),
        ],
    )
    def test_refuses_what_is_no_amount_of_it(self, desk, amount, refusal):
        with pytest.raises(refusal):
            desk.refund(amount=amount)

    def test_refuses_a_payment_that_is_not_settled(self, conn, desk):
        waiting = factory.submitted(conn, desk.wallet, key="waiting")
        with pytest.raises(RefundUnsupported):
            factory.refund(conn, waiting)

    def test_shows_no_payment_of_another_owner(self, desk):
        with pytest.raises(PaymentNotFound):
            desk.refund(owner="person:other")
        with pytest.raises(PaymentNotFound):
            desk.refund(payment_id=ids.new())


class TestReported:
    def test_takes_the_held_money_out_once(self, desk):
        refund, clearing = desk.sent(50_000), desk.clearing
        for _ in range(2):
            assert desk.book(desk.reported(refund)) == [BOOKED]
        seen = desk.seen(refund)
        assert (seen.state, seen.reference) == (S.SETTLED, f"re_{refund.id}")
        assert (desk.money, desk.left) == ((100_000, 0), 100_000)
        assert desk.clearing == clearing + 50_000

    def test_before_our_own_record_settles_over_what_was_missed(self, desk):
        refund = desk.refund(50_000)
        assert desk.book(desk.reported(refund)) == [BOOKED]
        moves = [step.state for step in desk.file.steps if step.refund_id == refund.id]
        assert moves == [S.CREATED, S.SENDING, S.SETTLED]

    def test_pending_waits_and_then_settles(self, desk):
        refund = desk.sent(50_000)
        desk.book(desk.reported(refund, status=RefundStatus.PENDING))
        waiting = desk.seen(refund)
        assert (waiting.state, desk.money) == (S.SUBMITTED, (100_000, 50_000))
        assert waiting.look_at is not None
        desk.book(desk.reported(refund))
        assert (desk.seen(refund).state, desk.money) == (S.SETTLED, (100_000, 0))

    def test_failed_gives_the_held_money_back(self, desk):
        refund = desk.sent(50_000)
        fact = desk.reported(
            refund, status=RefundStatus.FAILED, code="declined", sentence="The bank said no."
        )
        for _ in range(2):
            desk.book(fact)
        seen = desk.seen(refund)
        assert (seen.state, seen.failure_code) == (S.FAILED, "declined")
        assert (desk.money, desk.left) == ((150_000, 0), 150_000)

    def test_that_comes_back_after_it_settled_returns_to_the_wallet(self, desk):
        refund = desk.sent(50_000)
        desk.book(desk.reported(refund))
        for _ in range(2):
            desk.book(desk.reported(refund, status=RefundStatus.FAILED, sentence="Lost card."))
        assert desk.seen(refund).state is S.SETTLED
        assert (desk.money, desk.left) == ((150_000, 0), 150_000)
        assert [one.kind for one in desk.file.news] == [NewsKind.REFUND_RETURNED]

    def test_made_after_it_had_ended_leaves_the_wallet(self, conn, desk):
        refund = desk.refund(50_000)
        facts.end_refund(
            conn,
            payment_id=refund.payment_id,
            refund_id=refund.id,
            after=S.EXPIRED,
            code="not_sent_in_time",
            sentence="Nothing was sent in time.",
            cause="test",
            now=desk.now,
        )
        assert (desk.seen(refund).state, desk.money) == (S.EXPIRED, (150_000, 0))
        for _ in range(2):
            desk.book(desk.reported(refund))
        assert (desk.money, desk.left) == ((100_000, 0), 100_000)
        assert [one.kind for one in desk.file.news] == [NewsKind.REFUND_LATE]

    def test_of_another_amount_is_asked_about_then_reviewed(self, desk):
        refund = desk.sent(50_000)
        fact = desk.reported(refund, amount=Money(60_000, KES))
        assert desk.book(fact) == [MustAsk(desk.payment.id, refund.id)]
        for _ in range(2):
            assert desk.book(fact, is_confirmed=True) == [BOOKED]
        assert (desk.seen(refund).state, desk.money) == (S.REVIEW, (100_000, 50_000))
        assert desk.account(chart.suspense("stripe", KES)) == -60_000

    def test_for_a_refund_that_is_not_here_is_booked_as_one_made_there(self, desk):
        gone = replace(desk.sent(50_000), id=ids.new())
        assert desk.book(desk.reported(gone)) == [BOOKED]
        assert [one.origin for one in desk.file.refunds] == [Origin.OURS, Origin.PROVIDER]


class TestMadeThere:
    def test_leaves_the_wallet_once_with_a_review(self, desk):
        for _ in range(2):
            assert desk.book(desk.made_there(40_000)) == [BOOKED]
        [refund] = desk.file.refunds
        assert (refund.origin, refund.state) == (Origin.PROVIDER, S.SETTLED)
        assert (desk.money, desk.left) == ((110_000, 0), 110_000)
        assert [review.kind for review in desk.file.reviews] == ["refund_unasked"]

    def test_beyond_cover_is_owed_and_paid_back_by_the_next_money(self, conn, desk):
        desk.spend(130_000)
        desk.book(desk.made_there(50_000))
        receivable = chart.wallet_receivable(desk.wallet.id, KES)
        assert (desk.money, desk.account(receivable)) == ((0, 0), -30_000)
        fund(conn, desk.wallet.available_id, 45_000)
        assert (desk.money, desk.account(receivable)) == ((15_000, 0), 0)
        assert ledger.verify(conn) == []

    def test_pending_is_booked_when_it_is_made(self, desk):
        desk.book(desk.made_there(40_000, status=RefundStatus.PENDING))
        assert (desk.money, desk.file.refunds) == ((150_000, 0), [])

    def test_out_of_a_frozen_wallet_is_taken_from_suspense(self, conn, desk):
        account_id = desk.wallet.available_id
        ledger.freeze(conn, account_id=account_id, actor="operator:ann", reason="Police.")
        for _ in range(2):
            assert desk.book(desk.made_there(40_000)) == [BOOKED]
        assert (desk.money, desk.account(chart.suspense("stripe", KES))) == ((150_000, 0), -40_000)

    def test_of_money_that_nobody_here_brought_is_early_then_a_stranger(self, desk):
        fact = desk.made_there(40_000, collected_reference="pi_else")
        [early] = desk.book(fact)
        assert isinstance(early, FactEarly)
        late = desk.now - timedelta(seconds=61)
        assert desk.book(fact, received_at=late) == [Stranger("pi_else")]


class TestDispute:
    def fact(self, desk, **change):
        told = {
            "reference": "du_1",
            "collected_reference": desk.payment.collected_reference,
            "amount": Money(150_000, KES),
            "reason": "fraudulent",
            "state": DisputeState.OPEN,
            "is_withdrawn": True,
            "is_reinstated": False,
            "fee": Money(1_500, KES),
            "fee_returned": Money(0, KES),
            "opened_at": desk.now,
            "occurred_at": desk.now,
        }
        return DisputeReported(**{**told, **change})

    def test_takes_the_money_once_and_its_fee_is_our_loss(self, desk):
        desk.spend(50_000)
        for _ in range(2):
            assert desk.book(self.fact(desk)) == [BOOKED]
        [dispute] = desk.file.disputes
        assert (dispute.state, desk.money, desk.left) == (DisputeState.OPEN, (0, 0), 0)
        assert desk.account(chart.wallet_receivable(desk.wallet.id, KES)) == -50_000
        assert desk.account(chart.loss("fees", KES)) == -1_500
        assert [review.kind for review in desk.file.reviews] == ["dispute"]

    def test_that_is_won_gives_it_back_once(self, desk):
        desk.book(self.fact(desk))
        won = self.fact(
            desk, state=DisputeState.WON, is_reinstated=True, fee_returned=Money(1_500, KES)
        )
        for _ in range(2):
            desk.book(won)
        assert (desk.money, desk.left) == ((150_000, 0), 150_000)
        assert desk.account(chart.loss("fees", KES)) == 0
        assert desk.file.disputes[0].state is DisputeState.WON

    def test_whose_end_comes_first_is_right_in_any_order(self, desk):
        won = self.fact(desk, state=DisputeState.WON, is_reinstated=True)
        desk.book(won)
        desk.book(self.fact(desk))
        desk.book(self.fact(desk, is_withdrawn=False))
        assert (desk.money, desk.left) == ((150_000, 0), 150_000)
        [dispute] = desk.file.disputes
        assert dispute.state is DisputeState.WON
        assert dispute.withdrawn_posting_id is not None

    def test_that_is_opened_before_money_moves_takes_none(self, desk):
        desk.book(self.fact(desk, is_withdrawn=False))
        assert (desk.money, len(desk.file.disputes)) == ((150_000, 0), 1)
        desk.book(self.fact(desk))
        assert desk.money == (0, 0)

    def test_leaves_nothing_to_refund(self, desk):
        desk.book(self.fact(desk))
        fund(desk.conn, desk.wallet.available_id, 200_000)
        with pytest.raises(RefundTooLarge):
            desk.refund(1)
