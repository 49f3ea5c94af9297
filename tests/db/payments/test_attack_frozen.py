"""A wallet that is frozen for fraud, and what Stripe says meanwhile and afterwards."""

from __future__ import annotations

import threading
import time
from collections import deque

import psycopg
import pytest

from factories import payments as factory
from factories.attack import Fake, caller, move_clock
from factories.ledger import KES, balance
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments
from tallystick.money import Money
from tallystick.payments import (
    Accepted,
    CallRefused,
    DisputeReported,
    DisputeState,
    PaymentState,
    RefundReported,
    RefundStatus,
    facts,
    handlers,
)

S = PaymentState


def account(conn, plan) -> int:
    return balance(conn, *ledger.open_accounts(conn, [plan]))


def freeze(conn, mine):
    ledger.freeze(conn, account_id=mine.available_id, actor="operator:a", reason="Fraud?")


def unfreeze(conn, mine):
    ledger.unfreeze(conn, account_id=mine.available_id, actor="operator:a", reason="No fraud.")


def dispute(payment, now, **change):
    told = dict(
        reference="du_1",
        collected_reference=payment.collected_reference,
        amount=payment.amount,
        reason="fraudulent",
        state=DisputeState.OPEN,
        is_withdrawn=True,
        is_reinstated=False,
        fee=Money(0, KES),
        fee_returned=Money(0, KES),
        opened_at=now,
        occurred_at=now,
    )
    return DisputeReported(**{**told, **change})


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
        fact = lambda status: RefundReported(
            None,
            "re_1",
            payment.collected_reference,
            Money(40_000, KES),
            status,
            now,
            code="x",
            sentence="y",
        )
        factory.book(conn, fact(RefundStatus.SUCCEEDED))
        unfreeze(conn, mine)
        factory.book(conn, fact(RefundStatus.FAILED))
        assert balance(conn, mine.available_id) == 150_000

    def test_paid_unbookable_then_refunded_leaves_the_unfrozen_wallet_alone(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        freeze(conn, mine)
        factory.book(conn, factory.paid(payment, at=now))
        unfreeze(conn, mine)
        from tallystick.payments import store

        store.run(conn, "set_collected", id=payment.id, reference=f"pi_{payment.id}")
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

    def test_refund_that_the_provider_refused_ends(self, database, pool_of):
        pool = pool_of(database.application_url)
        with database.connect() as conn:
            mine = wallet(conn)
            payment = factory.settled(conn, mine)
            made = factory.refund(conn, payment, minor=40_000)
            freeze(conn, mine)
        asks = caller(pool, Fake(refund=CallRefused("charge_disputed", "Disputed.")))
        handlers.refund(asks, refund_id=str(made.id))
        with database.connect() as conn:
            assert factory.seen_refund(conn, made).state is S.FAILED


class TestBulkhead:
    def test_of_a_healthy_provider_says_nothing_false_and_does_not_churn(self, database, pool_of):
        """40 people at once, calls of 0.3 s, as many threads as a worker has by default."""
        pool = pool_of(database.application_url)
        with database.connect() as conn:
            mine = wallet(conn)
            queue = deque(factory.payment(conn, mine, key=f"k{n}") for n in range(40))
        everyone = list(queue)
        runs = [0]

        def collect(payment):
            time.sleep(0.3)
            return Accepted(f"cs_{payment.id}", "http://x/y")

        asks = caller(pool, Fake(collect=collect))
        later: list = []

        def work():
            while True:
                try:
                    one = queue.popleft()
                except IndexError:
                    if len(asks.providers["stripe"].made) >= 40:
                        return
                    time.sleep(0.05)
                    continue
                runs[0] += 1
                handlers.submit(asks, payment_id=str(one.id))
                with pool.transaction() as conn:
                    state = payments.get(conn, payment_id=one.id, owner=None).state
                if state is S.CREATED:
                    threading.Timer(1.0, queue.append, [one]).start()

        threads = [threading.Thread(target=work) for _ in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        with database.connect() as conn:
            notes = [
                s.note
                for p in everyone
                for s in payments.steps(conn, payment_id=p.id)
                if "cannot be reached" in s.note
            ]
        assert (len(notes), runs[0]) == (0, 40), (
            f"{len(notes)} people read that Stripe cannot be reached; {runs[0]} runs for 40 calls"
        )


class TestMigration:
    def test_does_not_deadlock_with_a_deed_in_flight(self, database):
        """007 locks account, then payment; every deed locks payment, then account."""
        with database.connect() as conn:
            mine = wallet(conn)
            payment = factory.settled(conn, mine)
        troubles = []

        def migrate():
            try:
                with psycopg.connect(database.owner_url) as owner:
                    owner.execute(
                        "ALTER TABLE tallystick.account ADD COLUMN x uuid"
                    )  # as 007 begins
                    owner.execute("ALTER TABLE tallystick.payment ADD COLUMN x text")
                    owner.rollback()
            except psycopg.Error as trouble:
                troubles.append(("migration", type(trouble).__name__))

        with database.connect() as deed:
            deed.execute(
                "SELECT 1 FROM tallystick.payment WHERE id = %s FOR NO KEY UPDATE", [payment.id]
            )
            thread = threading.Thread(target=migrate)
            thread.start()
            time.sleep(0.5)
            try:
                deed.execute(
                    "SELECT 1 FROM tallystick.account WHERE id = %s FOR NO KEY UPDATE",
                    [mine.available_id],
                )
            except psycopg.Error as trouble:
                troubles.append(("deed", type(trouble).__name__))
                deed.rollback()
        thread.join()
        assert troubles == []
