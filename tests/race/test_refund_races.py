"""Refunds, disputes and facts at once, on committed rows: exactly one winner, every time."""

from __future__ import annotations

import pytest

from factories import payments as factory
from factories.ledger import KES, balance
from factories.races import together, watched
from factories.wallets import wallet
from tallystick import db, ids, ledger, payments
from tallystick.money import Money
from tallystick.payments import (
    DisputeReported,
    DisputeState,
    Paid,
    PaymentState,
    RefundNotCovered,
    RefundStatus,
    RefundTooLarge,
    operations,
)

REFUSALS = (RefundTooLarge, RefundNotCovered)


@pytest.fixture
def till(database):
    return Till(database)


class Till:
    """A database whose transactions commit, and short hands for its payments."""

    def __init__(self, database) -> None:
        self.database = database
        with database.connect() as conn:
            self.wallet = wallet(conn)
            self.now = db.now(conn)

    def settled(self, key: str = "key-1"):
        with self.database.connect() as conn:
            return factory.settled(conn, self.wallet, key=key)

    def refund(self, payment, minor: int, key: str) -> bool:
        try:
            with self.database.connect() as conn:
                factory.refund(conn, payment, minor=minor, key=key)
        except REFUSALS:
            return False
        return True

    def book(self, fact):
        with self.database.connect() as conn:
            [result] = factory.book(conn, fact)
            return result

    def file(self, payment):
        with self.database.connect() as conn:
            assert ledger.verify(conn) == []
            return payments.file(conn, payment_id=payment.id, owner=None)

    @property
    def money(self) -> tuple[int, int]:
        with self.database.connect() as conn:
            sides = (self.wallet.available_id, self.wallet.held_id)
            return tuple(balance(conn, one) for one in sides)


class TestRefund:
    def test_of_more_than_is_left_lets_exactly_those_through_that_fit(self, till):
        payment = till.settled()
        with watched(till.database):
            done = together(12, lambda number: till.refund(payment, 40_000, f"refund-{number}"))
        assert sum(done) == 3
        assert till.money == (30_000, 120_000)
        assert till.file(payment).payment.refunded == Money(120_000, KES)

    def test_under_one_key_is_one_refund(self, till):
        payment = till.settled()
        together(12, lambda _: till.refund(payment, 40_000, "one"))
        assert len(till.file(payment).refunds) == 1
        assert till.money == (110_000, 40_000)

    def test_and_a_dispute_of_all_never_pay_twice(self, till):
        """Who comes second finds nothing left, or the wallet owing what was held."""
        for number in range(6):
            payment = till.settled(f"key-{number}")
            fact = DisputeReported(
                reference=f"du_{number}",
                collected_reference=payment.collected_reference,
                amount=payment.amount,
                reason="fraudulent",
                state=DisputeState.OPEN,
                is_withdrawn=True,
                is_reinstated=False,
                fee=Money(0, KES),
                fee_returned=Money(0, KES),
                opened_at=till.now,
                occurred_at=till.now,
            )
            acts = [
                lambda payment=payment, number=number: till.refund(payment, 90_000, f"r-{number}"),
                lambda fact=fact: till.book(fact),
            ]
            refunded, _ = together(2, lambda place, acts=acts: acts[place]())
            file = till.file(payment)
            assert len(file.disputes) == 1
            assert len(file.refunds) == int(refunded)


class TestFacts:
    def test_of_answer_webhook_and_janitor_at_once_settle_once(self, till):
        with till.database.connect() as conn:
            payment = factory.submitted(conn, till.wallet)
        fact = factory.paid(payment, at=till.now)
        together(12, lambda _: till.book(fact))
        assert till.money == (150_000, 0)
        states = [step.state for step in till.file(payment).steps]
        assert states.count(PaymentState.SETTLED) == 1

    def test_of_one_refund_at_once_take_the_held_money_once(self, till):
        payment = till.settled()
        with till.database.connect() as conn:
            refund = factory.sent_refund(conn, payment, minor=40_000)
        facts = [
            factory.refunded(refund, payment, at=till.now, status=status)
            for status in (RefundStatus.SUCCEEDED, RefundStatus.PENDING) * 6
        ]
        together(12, lambda place: till.book(facts[place]))
        assert till.money == (110_000, 0)
        assert till.file(payment).refunds[0].state is PaymentState.SETTLED

    def test_of_a_refund_made_there_at_once_are_booked_once(self, till):
        payment = till.settled()
        with till.database.connect() as conn:
            ours = factory.sent_refund(conn, payment, minor=10_000)
        fact = factory.refunded(ours, payment, at=till.now, refund_id=None, reference="re_there")
        together(12, lambda _: till.book(fact))
        assert [one.origin.value for one in till.file(payment).refunds] == ["ours", "provider"]
        assert till.money == (130_000, 10_000)

    def test_of_unclaimed_money_at_once_reach_suspense_once(self, till):
        fact = Paid(ids.show("pay", ids.new()), "cs_lost", Money(7_000, KES), till.now)

        def book(_: int):
            with till.database.connect() as conn:
                late = till.now.replace(year=till.now.year - 1)
                return factory.book(conn, fact, received_at=late)

        together(12, book)
        with till.database.connect() as conn:
            booked = "SELECT count(*), sum(amount) FROM tallystick.transfer WHERE kind = 'suspense'"
            assert conn.execute(booked).fetchone() == (1, 7_000)
            assert ledger.verify(conn) == []


class TestReply:
    def test_and_the_run_that_took_over_record_one_end(self, till):
        """An answer that comes after its deadline meets what the next run has done."""
        with till.database.connect() as conn:
            payment = factory.payment(conn, till.wallet)
            capabilities = factory.stripe().capabilities
            begun = operations.begin(conn, payment.names, capabilities=capabilities)
        accepted = payments.Accepted("cs_1", "http://127.0.0.1/pay")

        def act(number: int) -> None:
            with till.database.connect() as conn:
                if number % 2:
                    operations.record_unknown(conn, begun.attempt)
                else:
                    operations.record_accepted(conn, begun.attempt, accepted, payment_id=payment.id)

        together(8, act)
        file = till.file(payment)
        assert file.payment.state is PaymentState.SUBMITTED
        assert [one.outcome for one in file.tries] in (["answered"], ["unknown"])
