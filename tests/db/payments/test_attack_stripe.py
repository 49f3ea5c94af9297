"""Attacks by answers of Stripe's that are true, or odd, but not what was thought of."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from dataclasses import replace

import pytest

from factories import payments as factory
from factories.attack import Fake, Quiet, caller, jobs_of, move_clock
from factories.ledger import KES, balance
from factories.wallets import wallet
from tallystick import chart, db, ids, jobs, ledger, payments, webhooks
from tallystick.jobs.rules import after_failure, backoff_s
from tallystick.money import Money
from tallystick.payments import (
    CallUnknown,
    Expired,
    Paid,
    PaymentState,
    RefundStatus,
    handlers,
    operations,
    facts,
)
from tallystick.payments.events import FactHandler, trace
from tallystick.providers.stripe import Stripe

S = PaymentState


@pytest.fixture
def stripe_says():
    said = {"body": {}, "status": 200, "paths": []}

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            said["paths"].append(self.path)
            body = said["body"]
            body = body(self.path) if callable(body) else body
            raw = json.dumps(body).encode()
            self.send_response(said["status"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said["stripe"] = Stripe(
        secret_key="sk_test_unit",
        webhook_secret="whsec_unit",
        api_url=f"http://127.0.0.1:{server.server_port}",
        public_url="http://127.0.0.1:1",
    )
    yield SimpleNamespace(said=said, stripe=said["stripe"])
    server.shutdown()
    server.server_close()


def session(payment, **change):
    shown = ids.show("pay", payment.id)
    told = {
        "id": f"cs_{payment.id}",
        "object": "checkout.session",
        "status": "complete",
        "payment_status": "paid",
        "amount_total": payment.amount.minor,
        "currency": "kes",
        "metadata": {"tallystick_payment": shown},
        "created": int(payment.created_at.timestamp()),
        "url": None,
        "payment_intent": f"pi_{payment.id}",
    }
    return {**told, **change}


def listed(*objects):
    return {
        "object": "list",
        "url": "/v1/checkout/sessions",
        "has_more": False,
        "data": list(objects),
    }


class TestLookUp:
    def test_finds_ours_among_sessions_of_the_merchants_other_products(self, conn, stripe_says):
        """A session of mode `setup` has no amount and no currency: documented as nullable."""
        payment = factory.payment(conn, wallet(conn))
        setup = session(
            payment,
            id="cs_setup",
            metadata={},
            amount_total=None,
            currency=None,
            payment_status="no_payment_required",
            payment_intent=None,
        )
        stripe_says.said["body"] = listed(setup, session(payment))
        assert isinstance(stripe_says.stripe.look_up(payment), Paid)

    def test_with_metadata_null(self, conn, stripe_says):
        payment = factory.payment(conn, wallet(conn))
        stripe_says.said["body"] = listed(
            session(payment, id="cs_o", metadata=None), session(payment)
        )
        assert isinstance(stripe_says.stripe.look_up(payment), Paid)

    def test_of_an_amount_that_is_no_whole_unit_is_unknown(self, conn, stripe_says):
        payment = replace(factory.payment(conn, wallet(conn)), reference="cs_1")
        stripe_says.said["body"] = session(payment, currency="ugx", amount_total=150_001)
        with pytest.raises(CallUnknown):
            stripe_says.stripe.look_up(payment)

    def test_of_a_currency_that_is_none_is_unknown(self, conn, stripe_says):
        payment = replace(factory.payment(conn, wallet(conn)), reference="cs_1")
        stripe_says.said["body"] = session(payment, currency="zzz")
        with pytest.raises(CallUnknown):
            stripe_says.stripe.look_up(payment)

    def test_of_two_sessions_the_paid_one_counts(self, conn, stripe_says):
        payment = factory.payment(conn, wallet(conn))
        newer = session(payment, id="cs_newer", status="expired", payment_status="unpaid")
        stripe_says.said["body"] = listed(newer, session(payment))
        assert isinstance(stripe_says.stripe.look_up(payment), Paid)

    def test_asks_at_most_a_few_pages(self, conn, stripe_says):
        payment = factory.payment(conn, wallet(conn))

        def page(path):
            at = len(stripe_says.said["paths"])
            many = [session(payment, id=f"cs_{at}_{n}", metadata={}) for n in range(100)]
            return {**listed(*many), "has_more": True}

        stripe_says.said["body"] = page
        stripe_says.stripe.look_up(payment)
        assert len(stripe_says.said["paths"]) <= 5


class TestCollect:
    def test_of_a_currency_that_is_none_is_unknown(self, conn, stripe_says):
        payment = factory.payment(conn, wallet(conn))
        begun = operations.begin(
            conn, payment, capabilities=factory.stripe().capabilities, now=db.now(conn)
        )
        stripe_says.said["body"] = session(payment, currency="zzz", url="http://x/y")
        with pytest.raises(CallUnknown):
            stripe_says.stripe.collect(payment, attempt=begun.attempt)


class TestRefund:
    def test_of_other_money_than_asked_is_unknown(self, conn, stripe_says):
        payment = factory.settled(conn, wallet(conn))
        made = factory.refund(conn, payment, minor=40_000)
        begun = operations.begin(
            conn, made, capabilities=factory.stripe().capabilities, now=db.now(conn)
        )
        stripe_says.said["body"] = {
            "id": "re_1",
            "object": "refund",
            "amount": 30_000,
            "currency": "kes",
            "status": "succeeded",
            "payment_intent": "pi_of_somebody_else",
            "created": 1_790_000_000,
            "metadata": {"tallystick_refund": ids.show("ref", made.id)},
        }
        with pytest.raises(CallUnknown):
            stripe_says.stripe.refund(made, payment, attempt=begun.attempt)


class TestTraceJob:
    def test_outlasts_an_outage_of_an_hour(self):
        """The event is `ignored` by then: nobody else will come back to it."""
        waited = sum(
            after_failure(runs=runs, attempts_max=8, backoff=backoff_s, spread=1.0)
            for runs in range(1, 8)
        )
        assert waited > 3_600, f"given up after {waited:.0f} s"

    def test_with_a_foreign_word_in_the_metadata_ends_quietly(self, database, pool_of):
        asks = caller(pool_of(database.application_url), Fake(trace="order-17"))
        trace(asks, provider="stripe", reference="pi_1", event_id=str(ids.new()))


class TestJanitorAndBooking:
    def test_at_once_do_not_disturb_each_other(self, database, pool_of, monkeypatch):
        """The janitor writes a refund's look_at without the payment's lock."""
        pool = pool_of(database.application_url)
        with database.connect() as conn:
            mine = wallet(conn)
            payment = factory.settled(conn, mine)
            made = factory.sent_refund(conn, payment, minor=40_000)
        move_clock(database, seconds=120)
        execute = ledger.execute

        def meanwhile(conn, deeds, **more):
            handlers.janitor(pool)
            return execute(conn, deeds, **more)

        from tallystick.payments.facts import booking

        monkeypatch.setattr(booking.ledger, "execute", meanwhile)
        with database.connect() as conn:
            [result] = factory.book(conn, factory.refunded(made, payment, at=made.created_at))
        assert not isinstance(result, Exception), repr(result)


class TestRefundUnclaimed:
    def test_of_money_that_waits_in_suspense_is_booked(self, conn):
        """Paid for a payment that is not here (a restored database): booked to suspense. Then the
        operator refunds it at Stripe, as the review suggests."""
        mine, now = wallet(conn), db.now(conn)
        ghost = replace(factory.payment(conn, mine), id=ids.new())
        late = now - timedelta(seconds=90)
        factory.book(conn, factory.paid(ghost, at=now), received_at=late)
        from tallystick.payments import RefundReported

        fact = RefundReported(
            None, "re_9", f"pi_{ghost.id}", ghost.amount, RefundStatus.SUCCEEDED, now
        )
        [result] = factory.book(conn, fact, received_at=late)
        [suspense] = ledger.open_accounts(conn, [chart.suspense("stripe", KES)])
        assert balance(conn, suspense) == 0, result


class TestEvents:
    def test_of_a_list_without_end_ends(self, stripe_says):
        """A list that always has more (or three days of a busy house: 300,000 pages) is one job."""

        class Enough(Exception):
            pass

        def page(path):
            at = len(stripe_says.said["paths"])
            data = [
                {
                    "id": f"evt_{at}_{n}",
                    "object": "event",
                    "type": "a.b",
                    "created": 1_790_000_000,
                    "data": {"object": {}},
                }
                for n in range(100)
            ]
            return {"object": "list", "url": "/v1/events", "has_more": at < 400, "data": data}

        stripe_says.said["body"] = page
        from datetime import datetime, UTC

        found = list(stripe_says.stripe.events(datetime(2026, 1, 1, tzinfo=UTC)))
        assert len(stripe_says.said["paths"]) < 400, f"{len(found)} events held in memory at once"
