"""Two objects at Stripe for one of ours: both have happened, both are booked, each once."""

from __future__ import annotations

from datetime import timedelta

from factories import payments as factory
from factories.attack import Quiet
from factories.ledger import KES, balance
from factories.wallets import wallet
from tallystick import chart, db, ids, ledger, payments, webhooks
from tallystick.money import Money
from tallystick.payments import Expired, PaymentState, RefundStatus, RefundUnsupported
from tallystick.payments.events import FactHandler

S = PaymentState


def account(conn, plan) -> int:
    return balance(conn, *ledger.open_accounts(conn, [plan]))


class TestTwoSessions:
    def test_settled_by_the_other_one_and_told_again_is_booked_once(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)  # its reference is cs_A
        other = factory.paid(payment, at=now, reference="cs_B", collected_reference="pi_B")
        factory.book(conn, other)
        factory.book(conn, other)
        assert account(conn, chart.clearing("stripe", KES)) == -150_000

    def test_settled_by_the_other_one_then_the_known_one_is_paid_too(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        factory.book(
            conn, factory.paid(payment, at=now, reference="cs_B", collected_reference="pi_B")
        )
        factory.book(conn, factory.paid(payment, at=now))
        assert account(conn, chart.clearing("stripe", KES)) == -300_000


class TestTwoRefunds:
    def test_of_one_of_ours_are_both_booked(self, conn):
        mine, now = wallet(conn), db.now(conn)
        payment = factory.settled(conn, mine)
        made = factory.sent_refund(conn, payment, minor=40_000)
        for reference in ("re_1", "re_2"):
            factory.book(conn, factory.refunded(made, payment, at=now, reference=reference))
        assert account(conn, chart.clearing("stripe", KES)) == -150_000 + 80_000


class TestPaidLate:
    def test_can_be_refunded(self, conn):
        """The money is in the wallet, the payment is `expired`: nobody can give it back from here."""
        mine, now = wallet(conn), db.now(conn)
        payment = factory.submitted(conn, mine)
        factory.book(conn, Expired(ids.show("pay", payment.id), payment.reference, now))
        factory.book(conn, factory.paid(payment, at=now))
        seen = payments.get(conn, payment_id=payment.id, owner=None)
        assert (
            seen.collected_reference is not None
        )  # else refunds and disputes of it must be traced
        factory.refund(conn, seen, minor=40_000)


class TestPoison:
    def test_decline_with_a_nul_in_its_words_is_booked(self, database, pool_of):
        pool = pool_of(database.application_url)
        with database.connect() as conn:
            mine = wallet(conn)
            payment = factory.submitted(conn, mine)
            now = db.now(conn)
            intent = {
                "id": "pi_1",
                "metadata": {"tallystick_payment": ids.show("pay", payment.id)},
                "last_payment_error": {"code": "brand_new_code", "message": "No\u0000pe"},
            }
            body = factory.event(
                "evt_d", type="payment_intent.payment_failed", data={"object": intent}
            )
            webhooks.receive(
                conn,
                provider="stripe",
                event=webhooks.Event("evt_d", "payment_intent.payment_failed", now, body),
                now=now,
            )
        webhooks.drain(pool=pool, handlers={"stripe": FactHandler(factory.stripe(), Quiet())})
        assert database.scalar("SELECT state FROM tallystick.webhook_event") == "processed"
