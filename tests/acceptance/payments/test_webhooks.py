"""News in any order, any number of times, or never: the money is booked once, and for whom."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from tests.acceptance.payments.till import COMPLETED, MINOR, Till, until

from tallystick import clock, ids, jobs, webhooks
from tallystick.db import Pool
from tallystick.payments import LOOK
from tallystick.providers.stripe import Stripe

KINDS = [
    "double_webhook",
    *(
        pytest.param(slow, marks=pytest.mark.full)
        for slow in ("late_webhook", "out_of_order_webhook")
    ),
]


def settled_once(till: Till, payment: str) -> None:
    till.becomes(payment, "settled")
    states = [step.state.value for step in till.file(payment).steps]
    assert states.count("settled") == 1
    assert till.balance(payment) == MINOR


def unheard(till: Till) -> str:
    """Return a payment that is paid, of which no webhook tells."""
    payment = till.submitted()
    till.fault("lost_webhook", match=COMPLETED)
    assert till.pay(payment) == "paid"
    return payment


def poll(till: Till) -> None:
    """Read the provider's list as the workers do each minute, two minutes later."""
    environment = till.house.environment
    stripe = Stripe(
        secret_key=environment["TALLYSTICK_STRIPE_SECRET_KEY"],
        webhook_secret=till.house.webhook_secret,
        api_url=till.house.simulator_url,
        public_url=till.house.url,
    )
    url = till.house.database.application_url
    pool = Pool(url, size_max=2, timeout_s=5, application_name="tests")
    try:
        webhooks.poll(
            pool=pool,
            sources={stripe.name: stripe},
            outside_now=lambda: clock.outside_now() + timedelta(minutes=2),
        )
    finally:
        pool.close()


class TestWebhook:
    @pytest.mark.full
    def test_that_never_comes_is_not_needed_and_does_nothing_when_it_is_found(self, till):
        payment = unheard(till)
        settled_once(till, payment)
        cause = "SELECT request_id FROM tallystick.posting WHERE id = %s"
        assert till.scalar(cause, till.file(payment).payment.posting_id) == "janitor"
        session = till.sessions(payment)[0]["id"]
        event = till.event(COMPLETED, session)["id"]
        assert till.scalar(_KEPT, event) == 0
        poll(till)
        source = "SELECT source FROM tallystick.webhook_event WHERE external_id = %s"
        assert till.scalar(source, event) == "polled"
        until(lambda: till.scalar(_STATE, event) == "processed")
        settled_once(till, payment)

    @pytest.mark.parametrize("what", KINDS)
    def test_that_comes_again_late_or_after_newer_ones_settles_once(self, till, what):
        payment = till.submitted()
        order = {"after_s": 2} if what == "late_webhook" else {}
        till.fault(what, match=COMPLETED, **order)
        assert till.pay(payment) == "paid"
        settled_once(till, payment)

    def test_before_our_own_record_settles_and_the_answer_moves_nothing(self, till):
        till.fault("slow", after_s=0.9)
        payment = till.ask()
        until(lambda: till.sessions(payment))
        assert till.pay(payment) == "paid"
        settled_once(till, payment)
        until(lambda: till.outcomes(payment) == ["answered"])
        settled_once(till, payment)

    def test_with_the_answer_and_the_janitor_at_once_settles_once(self, till):
        till.fault("slow", after_s=0.9)
        payment = till.ask()
        until(lambda: till.sessions(payment))
        till.fault("lost_webhook", match=COMPLETED)
        assert till.pay(payment) == "paid"
        event = till.event(COMPLETED, till.sessions(payment)[0]["id"])
        identity = ids.read("pay", payment)

        def come(number: int) -> int:
            if number % 2:
                return till.deliver({**event, "id": f"evt_{number:02}{secrets.token_hex(6)}"})
            with till.house.database.connect() as conn:
                arguments = {"payment_id": str(identity)}
                jobs.enqueue(conn, name=LOOK, arguments=arguments, queue="money")
            return 200

        with ThreadPoolExecutor(20) as threads:
            assert set(threads.map(come, range(20))) == {200}
        settled_once(till, payment)
        until(lambda: till.scalar(_OPEN) == 0)
        settled_once(till, payment)

    @pytest.mark.parametrize("change", [{"livemode": True}, {"account": "acct_another"}])
    def test_of_another_account_or_mode_is_ignored(self, till, change):
        payment = till.submitted()
        session = till.sessions(payment)[0]
        paid = {**session, "payment_status": "paid", "status": "complete", "payment_intent": "pi_x"}
        event = {"type": COMPLETED, "created": session["created"], "data": {"object": paid}}
        name = f"evt_{secrets.token_hex(8)}"
        assert till.deliver({**event, "id": name, **change}) == 200
        until(lambda: till.scalar(_STATE, name) == "ignored")
        assert till.seen(payment)["state"] == "submitted"
        assert till.balance(payment) == 0

    def test_of_another_amount_goes_to_suspense_and_to_a_person(self, till):
        payment = till.submitted()
        till.control("next", {"what": "other_payment", "amount": MINOR - 100})
        assert till.pay(payment) == "paid"
        till.becomes(payment, "review")
        assert till.balance(payment) == 0
        file = till.file(payment)
        assert [one.kind for one in file.collections] == ["other_amount"]
        assert [one.kind for one in file.reviews] == ["paid_other_amount"]

    def test_of_another_session_with_another_amount_is_confirmed_by_asking_about_that_one(
        self, till
    ):
        payment = till.submitted()
        other = made_elsewhere(till, payment, minor=MINOR - 100)
        till.control("pay", {"session": other, "card": "4242424242424242"})
        till.becomes(payment, "review")
        assert till.balance(payment) == 0
        [came] = till.file(payment).collections
        assert (came.kind, came.reference, came.amount.minor) == (
            "other_amount",
            other,
            MINOR - 100,
        )
        until(lambda: till.scalar(_STATE_ABOUT, other) == "processed")

    @pytest.mark.full
    def test_of_a_payment_that_is_not_here_waits_a_minute_then_goes_to_suspense(self, till):
        session = made_elsewhere(till)
        till.control("pay", {"session": session, "card": "4242424242424242"})
        until(lambda: till.scalar(_TRIED, session) >= 1)
        assert till.scalar(_UNCLAIMED, session) == 0
        compared = till.house.tallystick("simulator", "compare")
        assert (compared.returncode, "not_booked" in compared.stdout) == (1, True)
        till.advance(61)
        until(lambda: till.scalar(_UNCLAIMED, session) == 1)
        asked = "SELECT kind FROM tallystick.review WHERE subject = %s"
        assert till.scalar(asked, f"stripe:{session}") == "paid_unclaimed"


class TestBooks:
    def test_agree_with_the_provider_s_after_all_that(self, till):
        assert till.is_right()["charges"] > 0


def made_elsewhere(till: Till, payment: str | None = None, *, minor: int = MINOR) -> str:
    """Return a session that we did not make, with our reference to a payment: one of no row."""
    named = payment or ids.show("pay", ids.new())
    form = {
        "mode": "payment",
        "success_url": f"{till.house.url}/",
        "metadata[tallystick_payment]": named,
        "payment_intent_data[metadata][tallystick_payment]": named,
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "kes",
        "line_items[0][price_data][unit_amount]": str(minor),
        "line_items[0][price_data][product_data][name]": "Top up",
    }
    key = till.house.environment["TALLYSTICK_STRIPE_SECRET_KEY"]
    url = f"{till.house.simulator_url}/v1/checkout/sessions"
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": secrets.token_hex(8)}
    answer = httpx.post(url, data=form, headers=headers)
    assert answer.is_success, answer.text
    return json.loads(answer.text)["id"]


_KEPT = "SELECT count(*) FROM tallystick.webhook_event WHERE external_id = %s"
_STATE = "SELECT max(state) FROM tallystick.webhook_event WHERE external_id = %s"
_STATE_ABOUT = """
    SELECT max(state) FROM tallystick.webhook_event
    WHERE kind = 'checkout.session.completed'
        AND convert_from(body, 'UTF8')::jsonb #>> '{data,object,id}' = %s"""
_OPEN = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_TRIED = """
    SELECT coalesce(max(attempts), 0) FROM tallystick.webhook_event
    WHERE kind = 'checkout.session.completed'
        AND convert_from(body, 'UTF8')::jsonb #>> '{data,object,id}' = %s"""
_UNCLAIMED = """
    SELECT count(*) FROM tallystick.collection WHERE kind = 'unclaimed' AND reference = %s"""
