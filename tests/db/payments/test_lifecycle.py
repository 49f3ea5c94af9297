"""A payment from its door to the wallet: states, steps, attempts, and what is refused."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, payments, wallets
from tallystick.money import Currency, CurrencyMismatch, Money
from tallystick.payments import (
    Accepted,
    AmountOutOfRange,
    CallRefused,
    CurrencyUnsupported,
    KeyReused,
    PaymentNotFound,
    PaymentState,
    operations,
    store,
)
from tallystick.wallets import WalletNotFound

KES, USD = Currency("KES"), Currency("USD")


@pytest.fixture
def till(conn):
    """A wallet and short hands for its payments."""
    return Till(conn, wallet(conn))


class Till:
    def __init__(self, conn, owned):
        self.conn, self.wallet = conn, owned
        self.now = db.now(conn)

    def create(self, **change):
        return factory.payment(self.conn, self.wallet, **change)

    def begin(self, payment, **change):
        capabilities = dataclasses.replace(factory.stripe().capabilities, **change)
        return operations.begin(self.conn, payment.names, capabilities=capabilities)

    def submitted(self):
        return factory.submitted(self.conn, self.wallet)

    def paid(self, payment):
        [result] = factory.book(self.conn, factory.paid(payment, at=self.now))
        return result

    def seen(self, payment):
        return payments.get(self.conn, payment_id=payment.id, owner=payment.owner)

    def states(self, payment):
        return [step.state.value for step in payments.steps(self.conn, payment_id=payment.id)]

    @property
    def balance(self) -> int:
        found = wallets.get(self.conn, wallet_id=self.wallet.id, owner=self.wallet.owner)
        return found.available.minor


class TestCreate:
    def test_keeps_payment_step_and_job_together(self, conn, till):
        payment = till.create()
        assert till.seen(payment).state is PaymentState.CREATED
        assert till.states(payment) == ["created"]
        jobs = conn.execute(
            "SELECT count(*) FROM procrastinate_jobs WHERE args->>'payment_id' = %s",
            (str(payment.id),),
        ).fetchone()
        assert jobs == (1,)

    def test_replays_the_same_key(self, conn, till):
        first, again = till.create(), till.create()
        assert first == again
        assert till.states(first) == ["created"]

    @pytest.mark.parametrize("change", [{"minor": 150_001}, {"amount": Money(999, USD)}])
    def test_refuses_the_same_key_for_another_request(self, till, change):
        till.create()
        with pytest.raises((KeyReused, CurrencyMismatch)):
            till.create(**change)

    def test_refuses_the_key_of_another_owner(self, conn, till):
        till.create(caller="key:1")
        other = wallet(conn)
        with pytest.raises(KeyReused):
            factory.payment(conn, other, caller="key:1")

    @pytest.mark.parametrize("minor", [0, -1, 9_999, 100_000_000])
    def test_refuses_an_amount_that_the_provider_does_not_take(self, till, minor):
        with pytest.raises(AmountOutOfRange):
            till.create(minor=minor)

    def test_refuses_a_currency_that_the_wallet_has_not(self, till):
        with pytest.raises(CurrencyMismatch):
            till.create(amount=Money(5_000, USD))

    def test_refuses_a_currency_that_the_provider_does_not_take(self, till):
        with pytest.raises(CurrencyUnsupported):
            till.create(amount=Money(5_000, Currency("KWD")))

    def test_does_not_see_another_owners_wallet(self, conn, till):
        with pytest.raises(WalletNotFound):
            till.create(wallet_id=wallet(conn).id)


class TestBegin:
    def test_lets_one_run_call(self, till):
        payment = till.create()
        assert till.begin(payment).attempt.number == 1
        assert till.begin(payment) is None
        assert till.states(payment) == ["created", "sending"]

    def test_gives_the_provider_the_same_key_for_every_attempt(self, till):
        payment = till.create()
        first = till.begin(payment, deadline_s=0).attempt
        second = till.begin(payment).attempt
        assert (first.number, second.number) == (1, 2)
        assert first.provider_key == second.provider_key
        assert till.states(payment) == ["created", "sending", "unknown"]

    def test_does_not_resend_a_key_near_the_end_of_its_life(self, till):
        payment = till.create()
        till.begin(payment, deadline_s=0)
        assert till.begin(payment, key_life_s=3600) is None
        assert till.seen(payment).state is PaymentState.UNKNOWN

    def test_sends_nothing_past_the_queue_time(self, till):
        payment = till.create()
        db.advance(till.conn, seconds=16 * 60, environment="development")
        assert till.begin(payment) is None
        assert till.seen(payment).state is PaymentState.CREATED

    def test_sends_nothing_of_a_settled_payment(self, till):
        payment = till.submitted()
        till.paid(payment)
        assert till.begin(payment) is None

    def test_has_one_open_attempt_by_constraint(self, conn, till):
        payment = till.create()
        till.begin(payment)
        with pytest.raises(
            psycopg.errors.UniqueViolation, match="one_open_attempt_a_payment_or_refund"
        ):
            conn.execute(
                "INSERT INTO tallystick.attempt (id, payment_id, number, operation, provider_key,"
                " started_at, deadline_at)"
                " VALUES (gen_random_uuid(), %s, 9, 'x', 'k', now(), now())",
                (payment.id,),
            )


class TestRecord:
    def test_keeps_reference_and_page_of_an_accepted_payment(self, till):
        payment = till.submitted()
        assert payment.state is PaymentState.SUBMITTED
        assert payment.action_url == "http://127.0.0.1/pay"
        assert payment.reference == f"cs_{payment.id}"

    def test_says_why_the_provider_refused(self, conn, till):
        payment = till.create()
        attempt = till.begin(payment).attempt
        refusal = CallRefused("amount_too_small", "That is too little.")
        operations.record_refused(conn, attempt, refusal)
        seen = till.seen(payment)
        assert (seen.state, seen.failure_code) == (PaymentState.FAILED, "amount_too_small")
        assert seen.failure_detail == "That is too little."

    def test_never_calls_a_timeout_failed(self, conn, till):
        payment = till.create()
        operations.record_unknown(conn, till.begin(payment).attempt)
        assert till.seen(payment).state is PaymentState.UNKNOWN
        assert till.begin(payment).attempt.number == 2

    def test_of_a_run_that_died_is_unknown_once_news_settled_the_payment(self, conn, till):
        settled, waiting = till.create(), till.create(key="key-2")
        for payment in (settled, waiting):
            till.begin(payment, deadline_s=0)
        till.paid(settled)
        store.run(conn, "end_forgotten_attempts")
        outcomes = [
            payments.file(conn, payment_id=payment.id, owner=None).tries[0].outcome
            for payment in (settled, waiting)
        ]
        assert outcomes == ["unknown", None]

    def test_leaves_a_payment_that_the_webhook_settled_first(self, conn, till):
        payment = till.create()
        attempt = till.begin(payment).attempt
        till.paid(payment)
        accepted = Accepted("cs_late", "http://x")
        operations.record_accepted(conn, attempt, accepted, payment_id=payment.id)
        seen = till.seen(payment)
        assert (seen.state, seen.action_url) == (PaymentState.SETTLED, None)


class TestGet:
    def test_does_not_show_another_owners_payment(self, conn, till):
        payment = till.create()
        with pytest.raises(PaymentNotFound):
            payments.get(conn, payment_id=payment.id, owner="person:other")


class TestStateTable:
    def test_stands_in_sql_as_in_python(self, conn, till):
        """Every move that Python allows, SQL takes; every other, SQL refuses."""
        payment = till.create()
        for before in PaymentState:
            for after in PaymentState:
                allowed = after in payments.rules.ALLOWED[before]
                assert _sql_takes(conn, payment.id, before, after) == allowed, (before, after)

    def test_is_what_a_payment_row_can_hold(self, conn, till):
        payment = till.create()
        for state in PaymentState:
            changed = dataclasses.replace(payment, state=state)
            if state not in {PaymentState.SETTLED, PaymentState.FAILED}:
                with conn.transaction(force_rollback=True):
                    conn.execute(
                        "UPDATE tallystick.payment SET state = %s WHERE id = %s",
                        (changed.state.value, payment.id),
                    )


def _sql_takes(conn, payment_id, before, after) -> bool:
    try:
        with conn.transaction():
            conn.execute(
                "INSERT INTO tallystick.payment_step"
                " (id, payment_id, state_before, state, created_at)"
                " VALUES (gen_random_uuid(), %s, %s, %s, now())",
                (payment_id, before.value, after.value),
            )
    except psycopg.errors.CheckViolation:
        return False
    return True
