"""Races about money, with real threads and commits: one effect, and books that balance."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from factories import payments
from factories.ledger import KES, post
from factories.races import together
from factories.wallets import wallet
from tallystick import bootstrap, db, ids, ledger, wallets, webhooks
from tallystick import payments as core
from tallystick.ledger import InsufficientFunds
from tallystick.payments import operations
from tallystick.settings import load_settings


@pytest.fixture
def house(database):
    settings = load_settings(
        {
            **database.environment,
            "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
            "TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_race",
            "TALLYSTICK_STRIPE_WEBHOOK_SECRET": payments.SECRET,
            "TALLYSTICK_STRIPE_API_URL": "http://127.0.0.1:9",
            "TALLYSTICK_DATABASE_POOL_MAX": "32",
            "TALLYSTICK_DATABASE_TIMEOUT_S": "10",
        },
        env_file=None,
    )
    house = bootstrap.House.from_settings(settings)
    yield house
    house.close()


def a_wallet(house, *, minor: int = 0):
    """Open a new person's wallet with so much in it, committed."""
    with house.pool.transaction() as conn:
        return wallet(conn, minor=minor)


def a_submitted_payment(house, owned):
    with house.pool.transaction() as conn:
        return payments.submitted(conn, owned)


def a_created_payment(house, owned):
    with house.pool.transaction() as conn:
        return payments.payment(conn, owned)


def deliver(house, raw: bytes):
    with house.pool.transaction() as conn:
        header = payments.signature(raw, stamp=int(db.now(conn).timestamp()))

    async def keep():
        event = house.verify("stripe", raw, {"stripe-signature": header})
        return await house.keep("stripe", event)

    return asyncio.run(keep())


def balance(house, owned) -> int:
    with house.pool.transaction() as conn:
        assert ledger.verify(conn) == []
        return wallets.get(conn, wallet_id=owned.id, owner=owned.owner).available.minor


class TestWebhook:
    def test_of_one_event_twenty_times_at_once_credits_once(self, house):
        mine = a_wallet(house)
        raw = payments.paid_event(a_submitted_payment(house, mine))
        receipts = together(20, lambda _: deliver(house, raw))
        assert sum(receipt.is_new for receipt in receipts) == 1
        inbox = house.drains[0]
        done = together(8, lambda _: inbox.run())
        assert sum(done) == 1
        assert balance(house, mine) == 150_000

    def test_of_one_fact_by_twenty_events_at_once_credits_once(self, house):
        mine = a_wallet(house)
        payment = a_submitted_payment(house, mine)
        for number in range(20):
            deliver(house, payments.paid_event(payment, external_id=f"evt_{number}"))
        inbox = house.drains[0]
        done = together(20, lambda _: inbox.run())
        assert sum(done) == 20
        with house.pool.transaction() as conn:
            assert webhooks.count_by_state(conn) == {"processed": 20}
        assert balance(house, mine) == 150_000


class TestPaymentLock:
    def test_makes_a_slow_run_see_that_the_webhook_settled_it(self, house):
        """Without the lock the run would write `unknown` over `settled`."""
        mine = a_wallet(house)
        payment = a_created_payment(house, mine)
        capabilities = house.provider("stripe").capabilities
        with house.pool.transaction() as conn:
            begun = operations.begin(conn, payment.names, capabilities=capabilities)
        has_settled, may_commit = threading.Event(), threading.Event()

        def settle() -> None:
            with house.pool.transaction() as conn:
                payments.book(conn, payments.paid(payment, at=payment.created_at))
                has_settled.set()
                assert may_commit.wait(timeout=10)

        def lose_patience() -> None:
            assert has_settled.wait(timeout=10)
            threading.Timer(0.3, may_commit.set).start()
            with house.pool.transaction() as conn:
                operations.record_unknown(conn, begun.attempt)

        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(settle), threads.submit(lose_patience)]:
                done.result(timeout=20)
        with house.pool.transaction() as conn:
            seen = core.get(conn, payment_id=payment.id, owner=mine.owner)
            steps = [step.state.value for step in core.steps(conn, payment_id=payment.id)]
        assert (seen.state.value, steps) == ("settled", ["created", "sending", "settled"])
        assert balance(house, mine) == 150_000


class TestExecute:
    def test_lets_exactly_the_affordable_debits_through(self, house):
        payer, payee = a_wallet(house, minor=25), a_wallet(house)

        def debit(_: int) -> bool:
            try:
                with house.pool.transaction() as conn:
                    post(conn, payer.available_id, payee.available_id, 1)
            except InsufficientFunds:
                return False
            return True

        assert sum(together(32, debit)) == 25
        assert (balance(house, payer), balance(house, payee)) == (0, 25)

    def test_shows_no_deadlock_to_opposed_transfers(self, house):
        one, other = a_wallet(house, minor=1000), a_wallet(house, minor=1000)

        def swap(number: int) -> None:
            sides = [one.available_id, other.available_id]
            debit, credit = sides if number % 2 else reversed(sides)
            for _ in range(10):
                with house.pool.transaction() as conn:
                    post(conn, debit, credit, 1)

        together(16, swap)
        assert balance(house, one) + balance(house, other) == 2000


class TestOpenWallet:
    def test_opens_one_for_callers_at_once(self, house):
        owner = f"person:{ids.new()}"

        def open_it(_: int):
            with house.pool.transaction() as conn:
                return wallets.open_wallet(conn, owner=owner, currency=KES, now=db.now(conn)).id

        assert len(set(together(16, open_it))) == 1


class TestCreatePayment:
    def test_makes_one_payment_and_one_job_for_one_key(self, house):
        mine = a_wallet(house)
        made = together(16, lambda _: a_created_payment(house, mine).id)
        assert len(set(made)) == 1
        with house.pool.transaction() as conn:
            count = "SELECT count(*) FROM procrastinate_jobs WHERE args->>'payment_id' = %s"
            assert conn.execute(count, (str(made[0]),)).fetchone() == (1,)


class TestBegin:
    def test_lets_one_of_many_runs_call(self, house):
        payment = a_created_payment(house, a_wallet(house))
        capabilities = house.provider("stripe").capabilities

        def begin(_: int) -> bool:
            with house.pool.transaction() as conn:
                return bool(operations.begin(conn, payment.names, capabilities=capabilities))

        assert sum(together(16, begin)) == 1
