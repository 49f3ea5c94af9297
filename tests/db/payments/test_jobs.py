"""The jobs that call providers: what they are told, what they wait for, what comes too late."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import psycopg
import pytest

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, ids, payments, wallets
from tallystick.money import Money
from tallystick.payments import Accepted, Expired, Fact, Paid, Payment, PaymentState
from tallystick.payments.handlers import Caller, look, refund, submit
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


@dataclass
class Answers:
    """A provider that answers one question, whatever it is asked about."""

    answer: Fact | Accepted | None
    asked: list[str | None] = field(default_factory=list)
    name: str = "stripe"
    capabilities = replace(factory.stripe().capabilities, resend_same_key=False)

    def look_up(self, payment: Payment) -> Fact | Accepted | None:
        self.asked.append(payment.reference)
        return self.answer


class Migrating(Answers):
    """A provider that takes every payment, while somebody migrates."""

    def __init__(self, meanwhile) -> None:
        super().__init__(None)
        self._meanwhile = meanwhile

    def collect(self, payment: Payment, *, attempt) -> Accepted:
        self._meanwhile()
        return Accepted(f"cs_{payment.id}", "https://checkout.example/cs")


class TestMigration:
    def test_during_a_call_costs_no_answer(self, database, pool_of):
        def migrate() -> None:
            if states.count(PaymentState.SUBMITTED) == 6:
                with psycopg.connect(database.owner_url) as owner:
                    owner.execute("ALTER TABLE tallystick.payment ADD COLUMN shade text")

        pool, states = pool_of(database.application_url), []
        breakers = Breakers(policy=BreakerPolicy(), chance=lambda: 0.5)
        provider = Migrating(migrate)
        caller = Caller(pool, {"stripe": provider}, breakers, Quiet(), lambda most: most)
        for number in range(8):
            with database.connect() as conn:
                made = factory.payment(conn, wallet(conn), key=f"key-{number}")
            submit(caller, payment_id=str(made.id), provider="stripe")
            with database.connect() as conn:
                states.append(payments.get(conn, payment_id=made.id, owner=None).state)
        assert states == [PaymentState.SUBMITTED] * 8


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


class TestLook:
    """News of a session that is not the one that we know."""

    @pytest.fixture
    def waiting(self, database):
        with database.connect() as conn:
            return factory.submitted(conn, wallet(conn))

    def look(self, database, pool_of, waiting, answer):
        provider = Answers(answer)
        breakers = Breakers(policy=BreakerPolicy(), chance=lambda: 0.5)
        pool = pool_of(database.application_url)
        caller = Caller(pool, {"stripe": provider}, breakers, Quiet(), lambda most: most)
        look(caller, payment_id=str(waiting.id), reference="cs_other")
        assert provider.asked == ["cs_other"]
        with database.connect() as conn:
            return payments.file(conn, payment_id=waiting.id, owner=None)

    @pytest.mark.parametrize("state", ["submitted", "unknown"])
    @pytest.mark.parametrize(
        "answer",
        [
            Accepted("cs_other", "https://checkout.example/cs_other"),
            Expired("pay_named", "cs_other", datetime(2026, 1, 1, tzinfo=UTC)),
            None,
        ],
    )
    def test_that_is_not_paid_moves_nothing(self, database, pool_of, waiting, answer, state):
        with database.connect() as conn:
            conn.execute(
                "UPDATE tallystick.payment SET state = %s WHERE id = %s", (state, waiting.id)
            )
        if isinstance(answer, Expired):
            answer = replace(answer, payment_id=ids.show("pay", waiting.id))
        found = self.look(database, pool_of, waiting, answer)
        assert (found.payment.state.value, found.payment.reference) == (state, waiting.reference)

    def test_that_is_paid_otherwise_goes_to_suspense(self, database, pool_of, waiting):
        less = Money(waiting.amount.minor - 1, waiting.amount.currency)
        name = ids.show("pay", waiting.id)
        answer = Paid(name, "cs_other", less, datetime.now(UTC), "pi_other")
        found = self.look(database, pool_of, waiting, answer)
        assert found.payment.state is PaymentState.REVIEW
        assert [(one.kind, one.reference) for one in found.collections] == [
            ("other_amount", "cs_other")
        ]
        with database.connect() as conn:
            owned = wallets.get(conn, wallet_id=waiting.wallet_id, owner=waiting.owner)
        assert owned.available.minor == 0
