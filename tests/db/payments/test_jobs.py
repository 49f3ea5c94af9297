"""The jobs that call providers: what they are told, what they wait for, what comes too late."""

from __future__ import annotations

import pytest

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, payments
from tallystick.payments import PaymentState
from tallystick.payments.handlers import Caller, refund, submit
from tallystick.resilience import BreakerPolicy, Breakers

QUEUED = "SELECT args FROM procrastinate_jobs WHERE task_name = %s ORDER BY id"


class Quiet:
    """Gauges that count nothing."""

    def booked(self, provider: str, by: str, facts: int) -> None: ...
    def given_up(self, provider: str) -> None: ...


class Till:
    """A wallet on a clone of the test's own, and what calls the provider, who cannot be reached."""

    def __init__(self, database, pool) -> None:
        self.database = database
        self.breakers = Breakers(policy=BreakerPolicy(volume_min=1), chance=lambda: 0.5)
        self.caller = self._caller(pool, {"stripe": factory.stripe()})
        self.caller_without = self._caller(pool, {})
        with database.connect() as conn:
            self.payment = factory.payment(conn, wallet(conn))

    def _caller(self, pool, providers) -> Caller:
        return Caller(pool, providers, self.breakers, Quiet(), lambda most: most)

    def submit(self, caller: Caller | None = None, **change) -> PaymentState:
        """Run the payment's job as it was enqueued, and return where the payment stands then."""
        arguments = {**self.queued(payments.SUBMIT)[0], **change}
        known = {name: value for name, value in arguments.items() if value is not None}
        submit(caller or self.caller, **known)
        return self.seen().state

    def queued(self, name: str) -> list[dict]:
        with self.database.connect() as conn:
            return [arguments for (arguments,) in conn.execute(QUEUED, (name,)).fetchall()]

    def seen(self):
        with self.database.connect() as conn:
            return payments.get(conn, payment_id=self.payment.id, owner=None)

    def wait(self, seconds: int) -> None:
        with self.database.connect() as conn:
            db.advance(conn, seconds=seconds, environment="development")

    def shut(self) -> None:
        """Let the breaker of collecting open."""

        def fail() -> None:
            raise ConnectionError

        with pytest.raises(ConnectionError):
            self.breakers.call("stripe.collect", fail, is_failure=lambda _: True)


@pytest.fixture
def till(database, pool_of):
    return Till(database, pool_of(database.application_url))


class TestSubmit:
    def test_names_its_provider_and_sends_once(self, till):
        assert till.queued(payments.SUBMIT) == [
            {"payment_id": str(till.payment.id), "provider": "stripe"}
        ]
        assert till.submit() is PaymentState.UNKNOWN, "nobody answered"

    def test_of_the_last_release_names_no_provider_and_sends_all_the_same(self, till):
        assert till.submit(provider=None) is PaymentState.UNKNOWN

    def test_waits_where_the_breaker_is_open(self, till):
        till.shut()
        assert till.submit() is PaymentState.CREATED
        assert [one.get("turn", 0) for one in till.queued(payments.SUBMIT)] == [0, 1]

    @pytest.mark.parametrize("is_shut", [False, True])
    def test_sends_nothing_too_late_and_says_so(self, till, is_shut):
        if is_shut:
            till.shut()
        till.wait(16 * 60)
        assert till.submit() is PaymentState.EXPIRED
        with till.database.connect() as conn:
            [*_, last] = payments.steps(conn, payment_id=till.payment.id)
        assert (last.state, last.note) == (PaymentState.EXPIRED, "Nothing was sent in time.")
        assert len(till.queued(payments.SUBMIT)) == 1

    def test_of_a_provider_that_is_not_joined_waits_until_it_is_too_late(self, till):
        assert till.submit(till.caller_without) is PaymentState.CREATED
        till.wait(16 * 60)
        assert till.submit(till.caller_without) is PaymentState.EXPIRED


class TestRefund:
    @pytest.mark.parametrize("is_old", [False, True])
    def test_is_sent_also_by_a_job_of_the_last_release(self, till, is_old):
        with till.database.connect() as conn:
            settled = factory.settled(conn, wallet(conn), key="key-2")
            made = factory.refund(conn, settled)
        [told] = till.queued(payments.REFUND)
        assert told == {
            "payment_id": str(settled.id),
            "refund_id": str(made.id),
            "provider": "stripe",
        }
        refund(till.caller, **({"refund_id": told["refund_id"]} if is_old else told))
        with till.database.connect() as conn:
            assert factory.seen_refund(conn, made).state is PaymentState.UNKNOWN
