"""Attacks on the handlers: a provider that answers as told, committed rows, real clocks."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest

from factories import payments as factory
from factories.attack import Fake, Quiet, caller, jobs_of, move_clock
from factories.ledger import KES, balance
from factories.wallets import wallet
from tallystick import chart, db, ids, jobs, ledger, payments, webhooks
from tallystick.db import DatabaseUnavailable
from tallystick.money import Money, MoneyMalformed
from tallystick.payments import (
    Accepted,
    CallRefused,
    CallUnknown,
    Paid,
    PaymentState,
    RefundReported,
    RefundStatus,
    handlers,
    operations,
)
from tallystick.payments.events import FactHandler, trace
from tallystick.resilience import BreakerOpen, BreakerPolicy, Breakers, BreakerState, Unused

S = PaymentState


@pytest.fixture
def ground(database, pool_of):
    with database.connect() as conn:
        mine = wallet(conn)
    return SimpleNamespace(database=database, pool=pool_of(database.application_url), wallet=mine)


def seen(ground, payment):
    with ground.database.connect() as conn:
        return payments.file(conn, payment_id=payment.id, owner=None)


def made(ground, how, **change):
    with ground.database.connect() as conn:
        return getattr(factory, how)(conn, ground.wallet, **change)


def due_now(ground):
    """Let all that waits be due, as time would."""
    move_clock(ground.database, seconds=3_700)


def run_looks(ground, asks):
    with ground.database.connect() as conn:
        todo = jobs_of(conn, handlers.LOOK)
        count = len(todo)
    for args in todo:
        handlers.look(asks, **args)
    return count


class TestRefundAnswer:
    def test_of_another_amount_does_not_stay_sending_for_ever(self, ground):
        payment = made(ground, "settled")
        with ground.database.connect() as conn:
            refund = factory.refund(conn, payment, minor=40_000)
        lie = factory.refunded(refund, payment, at=refund.created_at, amount=Money(30_000, KES))
        asks = caller(ground.pool, Fake(refund=lie, look_up_refund=lie))
        handlers.refund(asks, refund_id=str(refund.id))
        for _ in range(80):  # 80 hours
            due_now(ground)
            handlers.janitor(ground.pool)
            handlers.look(asks, payment_id=str(payment.id), refund_id=str(refund.id))
        [after] = seen(ground, payment).refunds
        assert after.state is not S.SENDING

    def test_is_recorded_where_the_collection_was_never_kept(self, ground):
        """A payment that was settled before migration 007 has no collected_reference."""
        payment = made(ground, "settled")
        with ground.database.connect() as conn:
            conn.execute("UPDATE tallystick.payment SET collected_reference = NULL")
            refund = factory.refund(conn, payment, minor=40_000)
        done = factory.refunded(refund, payment, at=refund.created_at)
        asks = caller(ground.pool, Fake(refund=done, look_up_refund=done))
        handlers.refund(asks, refund_id=str(refund.id))
        [after] = seen(ground, payment).refunds
        assert after.state is S.SETTLED

    def test_naming_another_payments_money_leaves_that_wallet_alone(self, ground):
        payment = made(ground, "settled")
        with ground.database.connect() as conn:
            other = wallet(conn)
            victim = factory.settled(conn, other, key="k2", owner=other.owner)
            refund = factory.refund(conn, payment, minor=40_000)
        lie = factory.refunded(refund, victim, at=refund.created_at)
        asks = caller(ground.pool, Fake(refund=lie))
        handlers.refund(asks, refund_id=str(refund.id))
        with ground.database.connect() as conn:
            assert balance(conn, other.available_id) == 150_000

    def test_refusal_with_a_nul_is_recorded(self, ground):
        payment = made(ground, "payment")
        refusal = CallRefused("some_new_code", "Not \0 today.")
        handlers.submit(caller(ground.pool, Fake(collect=refusal)), payment_id=str(payment.id))
        assert seen(ground, payment).payment.state is S.FAILED


class TestMustAsk:
    def test_of_an_ended_payment_survives_a_provider_that_is_away(self, ground):
        payment = made(ground, "submitted")
        with ground.database.connect() as conn:
            now = db.now(conn)
            from tallystick.payments import Expired

            factory.book(conn, Expired(ids.show("pay", payment.id), payment.reference, now))
        fact = factory.paid(payment, at=now, amount=Money(90_000, KES))
        with ground.database.connect() as conn:
            [result] = factory.book(conn, fact)
            handlers.ask_later(conn, result)
        # One time-out is enough.
        run_looks(ground, caller(ground.pool, Fake(look_up=CallUnknown("timeout"))))
        asks = caller(ground.pool, Fake(look_up=fact))
        for _ in range(80):
            due_now(ground)
            if handlers.janitor(ground.pool):
                run_looks(ground, asks)
        with ground.database.connect() as conn:
            [suspense] = ledger.open_accounts(conn, [chart.suspense("stripe", KES)])
            assert balance(conn, suspense) == 90_000


class TestTrace:
    def test_of_a_refund_of_money_paid_twice_ends(self, ground):
        """Money in suspense is refunded in the dashboard: the usual way to clear it."""
        payment = made(ground, "settled")
        shown = ids.show("pay", payment.id)
        with ground.database.connect() as conn:
            now = db.now(conn)
            twice = factory.paid(payment, at=now, reference="cs_2", collected_reference="pi_2")
            factory.book(conn, twice)
            body = factory.event(
                "evt_r",
                type="refund.created",
                data={
                    "object": {
                        "id": "re_2",
                        "amount": 150_000,
                        "currency": "kes",
                        "status": "succeeded",
                        "payment_intent": "pi_2",
                        "created": 1_790_000_000,
                    }
                },
            )
            event = webhooks.Event("evt_r", "refund.created", now, body)
            webhooks.receive(conn, provider="stripe", event=event, now=now - timedelta(seconds=90))
        fake = Fake(trace=shown)
        asks = caller(ground.pool, fake)
        drains = {"stripe": FactHandler(factory.stripe(), Quiet())}
        rounds = 0
        while rounds < 10:
            webhooks.drain(pool=ground.pool, handlers=drains)
            with ground.database.connect() as conn:
                wanted = jobs_of(conn, "payments.trace")
            if len(wanted) <= rounds:
                break
            trace(asks, **wanted[-1])
            rounds += 1
        with ground.database.connect() as conn:
            [suspense] = ledger.open_accounts(conn, [chart.suspense("stripe", KES)])
            left = balance(conn, suspense)
        assert (rounds <= 2, left) == (True, 0), f"{rounds} rounds, {left} in suspense"


class TestJanitor:
    def test_does_not_ask_twice_while_the_first_question_still_waits(self, ground):
        made(ground, "submitted")
        for _ in range(5):
            due_now(ground)
            handlers.janitor(ground.pool)
        with ground.database.connect() as conn:
            assert len(jobs_of(conn, handlers.LOOK)) == 1

    def test_looks_do_not_stand_before_a_new_payment(self, ground):
        """20 payments a second, each looked at some ten times in its first five minutes."""
        with ground.database.connect() as conn:
            for number in range(100):
                factory.submitted(conn, ground.wallet, key=f"k{number}")
            conn.execute(
                "DELETE FROM public.procrastinate_jobs WHERE task_name = 'payments.submit'"
            ) if False else None
        due_now(ground)
        handlers.janitor(ground.pool)
        made(ground, "payment", key="the person who waits")
        with ground.database.connect() as conn:
            rows = conn.execute(
                "SELECT task_name, priority FROM public.procrastinate_jobs"
                " WHERE id > (SELECT min(id) FROM public.procrastinate_jobs WHERE task_name = 'payments.look')"
                " OR task_name = 'payments.look' ORDER BY priority DESC, id"
            ).fetchall()
        place = [name for name, _ in rows].index("payments.submit")
        assert place < 10, f"{place} looks go first"

    def test_looks_at_what_old_code_moved_after_the_migration(self, ground):
        payment = made(ground, "submitted")
        with ground.database.connect() as conn:
            # What the code before 007 leaves: it knows neither column.
            conn.execute("UPDATE tallystick.payment SET look_at = NULL, waiting_since = NULL")
        due_now(ground)
        assert handlers.janitor(ground.pool) == 1


class TestProviderGone:
    def test_refund_that_was_never_sent_expires_all_the_same(self, ground):
        payment = made(ground, "settled")
        with ground.database.connect() as conn:
            factory.refund(conn, payment, minor=40_000)
        asks = caller(ground.pool, None)
        move_clock(ground.database, seconds=4 * 86_400)
        handlers.janitor(ground.pool)
        try:
            run_looks(ground, asks)
        except jobs.GiveUp:
            pass
        [after] = seen(ground, payment).refunds
        assert after.state is S.EXPIRED

    def test_submitted_goes_to_a_person(self, ground):
        payment = made(ground, "submitted")
        move_clock(ground.database, seconds=4 * 86_400)
        handlers.look(caller(ground.pool, None), payment_id=str(payment.id))
        assert seen(ground, payment).payment.state is S.REVIEW

    def test_unknown_goes_to_a_person(self, ground):
        payment = made(ground, "payment")
        asks = caller(ground.pool, Fake(collect=CallUnknown("timeout")))
        handlers.submit(asks, payment_id=str(payment.id))
        move_clock(ground.database, seconds=4 * 86_400)
        try:
            handlers.look(caller(ground.pool, None), payment_id=str(payment.id))
        except jobs.GiveUp:
            pass
        assert seen(ground, payment).payment.state is S.REVIEW


class TestLook:
    def test_at_an_answer_that_cannot_be_read_goes_to_a_person_at_last(self, ground):
        payment = made(ground, "submitted")
        move_clock(ground.database, seconds=4 * 86_400)
        asks = caller(ground.pool, Fake(look_up=MoneyMalformed("no whole unit")))
        try:
            handlers.look(asks, payment_id=str(payment.id))
        except MoneyMalformed:
            pass
        assert seen(ground, payment).payment.state is S.REVIEW

    def test_refused_by_breaker_on_the_send_still_looks_up(self, ground):
        payment = made(ground, "payment")
        asks = caller(ground.pool, Fake(collect=CallUnknown("timeout")))
        handlers.submit(asks, payment_id=str(payment.id))
        paid = factory.paid(payment, at=payment.created_at)
        handlers.look(
            caller(ground.pool, Fake(collect=CallUnknown("x"), look_up=paid)),
            payment_id=str(payment.id),
        )
        handlers.look(
            caller(ground.pool, Fake(collect=CallUnknown("x"), look_up=paid)),
            payment_id=str(payment.id),
        )
        assert seen(ground, payment).payment.state is S.SETTLED


class TestBreaker:
    def half_open(self, clock):
        breakers = Breakers(
            policy=BreakerPolicy(volume_min=1, jitter=0), chance=lambda: 0.0, now=lambda: clock[0]
        )

        def fail():
            raise CallUnknown("x")

        with pytest.raises(CallUnknown):
            breakers.call("stripe.collect", fail, is_failure=lambda e: True)
        clock[0] += 10.1
        return breakers

    def test_is_not_closed_by_trouble_of_our_own_database(self):
        clock = [100.0]
        breakers = self.half_open(clock)

        def away():
            raise DatabaseUnavailable("away")

        with pytest.raises(DatabaseUnavailable):
            breakers.call("stripe.collect", away, is_failure=handlers._is_unknown)
        [view] = breakers.views()
        assert view.state is not BreakerState.CLOSED

    def test_probe_that_was_not_used_is_given_back(self):
        clock = [100.0]
        breakers = self.half_open(clock)

        def unused():
            raise Unused

        with pytest.raises(Unused):
            breakers.call("stripe.collect", unused, is_failure=handlers._is_unknown)
        assert breakers.call("stripe.collect", lambda: 1, is_failure=handlers._is_unknown) == 1

    def test_probes_not_used_do_not_lengthen_the_outage(self):
        clock = [100.0]
        breakers = self.half_open(clock)
        waits = []
        for _ in range(6):
            try:
                breakers.call(
                    "stripe.collect",
                    lambda: (_ for _ in ()).throw(Unused()),
                    is_failure=handlers._is_unknown,
                )
            except Unused:
                pass
            try:
                breakers.call("stripe.collect", lambda: 1, is_failure=handlers._is_unknown)
                waits.append(0)
            except BreakerOpen as closed:
                waits.append(round(closed.retry_after_s))
                clock[0] += closed.retry_after_s + 0.1
        assert max(waits) <= 11, waits

    def test_slow_statements_of_ours_do_not_trip_it(self):
        clock = [100.0]
        breakers = Breakers(
            policy=BreakerPolicy(volume_min=5), chance=lambda: 0.0, now=lambda: clock[0]
        )

        def slow_in_our_own_transaction():
            clock[0] += 6  # a lock wait before the call; the call itself took none
            return 1

        for _ in range(5):
            breakers.call(
                "stripe.refund", slow_in_our_own_transaction, is_failure=handlers._is_unknown
            )
        [view] = breakers.views()
        assert view.state is BreakerState.CLOSED

    def test_those_who_wait_after_a_reset_are_spread(self):
        clock = [100.0]
        breakers = self.half_open(clock)
        breakers.call("stripe.collect", lambda: 1, is_failure=handlers._is_unknown)
        waits = []
        for _ in range(1_000):
            try:
                breakers.call("stripe.collect", lambda: 1, is_failure=handlers._is_unknown)
            except BreakerOpen as closed:
                waits.append(closed.retry_after_s)
        # A thousand come back within a second, at one call a second: 999 come in vain, each second.
        assert max(waits) > 10, (len(waits), max(waits))
