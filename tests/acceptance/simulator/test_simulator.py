"""The simulator as a process, asked by the official SDK, killed, restarted and listened to."""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from tests.acceptance.simulator.process import PAID, SECRET, Listener, Running, order, wait_for

from tallystick.simulator.journal import FILE_NAME


class TestSdk:
    def test_walks_from_a_session_to_its_refund(self, running: Running) -> None:
        v1 = running.client().v1
        session = v1.checkout.sessions.create(order(), {"idempotency_key": "pay_1"})
        assert (session.status, session.amount_total, session.currency) == ("open", 150_000, "kes")
        assert session.url == f"{running.url}/c/pay/{session.id}"
        assert running.pay(session.id, "4000 0000 0000 0002") == "declined"
        assert running.pay(session.id) == "paid"
        found = v1.checkout.sessions.retrieve(
            session.id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
        )
        intent: Any = found.payment_intent
        assert (found.status, found.payment_status, intent.status) == (
            "complete",
            "paid",
            "succeeded",
        )
        assert intent.metadata["payment"] == "pay_1"
        assert intent.latest_charge.balance_transaction.net == 145_620
        assert v1.payment_intents.retrieve(intent.id).amount_received == 150_000
        assert v1.charges.retrieve(intent.latest_charge.id).paid
        refund = v1.refunds.create({"payment_intent": intent.id, "amount": 50_000})
        assert v1.refunds.retrieve(refund.id).amount == 50_000
        with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
            v1.refunds.create({"payment_intent": intent.id, "amount": 100_001})
        events = {event.type for event in v1.events.list({"limit": 100}).data}
        assert events == {
            *PAID,
            "payment_intent.payment_failed",
            "refund.created",
            "charge.refunded",
        }
        assert v1.accounts.retrieve_current().charges_enabled

    def test_expires_and_lists_sessions(self, running: Running) -> None:
        v1 = running.client().v1
        names = [v1.checkout.sessions.create(order()).id for _ in range(3)]
        assert v1.checkout.sessions.expire(names[0]).status == "expired"
        listed = [one.id for one in v1.checkout.sessions.list({"limit": 1}).auto_paging_iter()]
        assert listed == names[::-1]

    def test_is_refused_with_its_own_kinds_of_errors(self, running: Running) -> None:
        client = running.client()
        unknown: Any = {**order(), "colour": "blue"}
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.checkout.sessions.create(unknown)
        assert (refused.value.code, refused.value.param) == ("parameter_unknown", "colour")
        assert refused.value.request_id
        other = stripe.StripeClient("sk_test_other", base_addresses={"api": running.url})
        with pytest.raises(stripe.AuthenticationError):
            other.v1.events.list()
        client.v1.checkout.sessions.create(order(), {"idempotency_key": "k"})
        with pytest.raises(stripe.IdempotencyError):
            client.v1.checkout.sessions.create(order(1_000), {"idempotency_key": "k"})
        with pytest.raises(stripe.InvalidRequestError) as missing:
            client.v1.refunds.retrieve("re_none")
        assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
        paid = client.v1.checkout.sessions.create(order())
        running.pay(paid.id)
        with pytest.raises(stripe.InvalidRequestError, match="status of `complete`"):
            client.v1.checkout.sessions.expire(paid.id)
        running.next("rate_limited")
        with pytest.raises(stripe.RateLimitError):
            client.v1.checkout.sessions.create(order())
        running.next("error_500")
        with pytest.raises(stripe.APIError):
            client.v1.checkout.sessions.create(order())


class TestIdempotency:
    def test_gives_20_at_once_one_session(self, running: Running) -> None:
        client = running.client(retries=5)

        def create(_number: int) -> str:
            options = {"idempotency_key": "once"}
            return client.v1.checkout.sessions.create(order(), options).id  # type: ignore[arg-type]

        with ThreadPoolExecutor(20) as crowd:
            names = set(crowd.map(create, range(20)))
        assert len(names) == 1
        assert [one.id for one in client.v1.checkout.sessions.list().data] == list(names)

    def test_refuses_a_twin_while_the_first_runs(self, running: Running) -> None:
        client = running.client()
        running.next("slow", after_s=1)
        options: Any = {"idempotency_key": "slow"}
        with ThreadPoolExecutor(1) as first:
            created = first.submit(client.v1.checkout.sessions.create, order(), options)
            wait_for(lambda: client.v1.checkout.sessions.list().data)
            with pytest.raises(stripe.StripeError) as refused:
                running.client().v1.checkout.sessions.create(order(), options)
            assert refused.value.http_status == 409
            body: Any = refused.value.json_body
            assert body["error"]["code"] == "idempotency_key_in_use"
            made = created.result().id
            assert client.v1.checkout.sessions.create(order(), options).id == made

    def test_answers_after_a_timeout_what_was_done(self, running: Running) -> None:
        running.next("timeout_after_charge")
        options: Any = {"idempotency_key": "unknown"}
        with pytest.raises(stripe.APIConnectionError):
            running.client(timeout_s=0.3).v1.checkout.sessions.create(order(), options)
        session = running.client().v1.checkout.sessions.create(order(), options)
        assert [one.id for one in running.client().v1.checkout.sessions.list().data] == [session.id]


class TestRestart:
    def test_loses_nothing_that_was_acknowledged_before_kill_9(self, running: Running) -> None:
        v1 = running.client().v1
        options: Any = {"idempotency_key": "k"}
        session = v1.checkout.sessions.create(order(), options)
        running.pay(session.id)
        before = [event.id for event in v1.events.list().data]
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
        journal = running.data / FILE_NAME
        journal.write_bytes(journal.read_bytes() + b'{"seq":99,"at":"20')
        v1 = running.start().client().v1
        assert v1.checkout.sessions.create(order(), options).id == session.id
        assert v1.checkout.sessions.retrieve(session.id).status == "complete"
        assert [event.id for event in v1.events.list().data] == before
        assert running.pay(session.id) == "already_paid"

    def test_keeps_the_work_of_a_request_that_killed_it(self, running: Running) -> None:
        running.next("kill")
        options: Any = {"idempotency_key": "k"}
        with pytest.raises(stripe.APIConnectionError):
            running.client().v1.checkout.sessions.create(order(), options)
        assert running.gone() == -signal.SIGKILL
        v1 = running.start().client().v1
        session = v1.checkout.sessions.create(order(), options)
        assert [one.id for one in v1.checkout.sessions.list().data] == [session.id]

    def test_forgets_everything_with_reset(self, running: Running) -> None:
        running.client().v1.checkout.sessions.create(order())
        running.end()
        assert running.start("--reset").client().v1.checkout.sessions.list().data == []


class TestWebhooks:
    def test_are_signed_and_tell_what_happened(self, heard: Running, listener: Listener) -> None:
        session = heard.client().v1.checkout.sessions.create(order())
        heard.pay(session.id)
        wait_for(lambda: len(listener.got) == 3)
        assert set(listener.types()) == PAID
        (completed,) = [e for e in listener.events() if e.type == "checkout.session.completed"]
        assert completed.data.object.id == session.id
        assert completed.data.object.metadata["payment"] == "pay_1"
        body, headers = listener.got[0]
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body + b" ", headers["stripe-signature"], SECRET)
        wait_for(lambda: heard.client().v1.events.retrieve(completed.id).pending_webhooks == 0)

    def test_come_again_until_somebody_answers_2xx(
        self, heard: Running, listener: Listener
    ) -> None:
        listener.answers = [500, 301, 204]
        session = heard.client().v1.checkout.sessions.create(order())
        heard.client().v1.checkout.sessions.expire(session.id)
        wait_for(lambda: len(listener.got) == 3)
        assert len({event.id for event in listener.events()}) == 1
        time.sleep(0.3)
        assert len(listener.got) == 3

    def test_that_were_owed_come_after_a_restart(
        self, running: Running, listener: Listener
    ) -> None:
        running.pay(running.client().v1.checkout.sessions.create(order()).id)
        running.end(signal.SIGKILL)
        assert listener.got == []
        running.webhook_url = listener.url
        running.start()
        wait_for(lambda: set(listener.types()) == PAID)

    def test_do_not_delay_the_end_when_nobody_answers(self, begin: Callable[..., Running]) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/hook"
            owing = begin(webhook_url=url)
            owing.pay(owing.client().v1.checkout.sessions.create(order()).id)
            silent.accept()[0].close()
            began = time.monotonic()
            assert owing.end() == 0
            assert time.monotonic() - began < 6

    def test_get_lost_doubled_and_late_on_request(self, heard: Running, listener: Listener) -> None:
        heard.next("lost_webhook", match="charge.succeeded")
        heard.next("double_webhook", match="payment_intent.succeeded")
        heard.next("late_webhook", match="checkout.session.completed", after_s=0.5)
        heard.pay(heard.client().v1.checkout.sessions.create(order()).id)
        wait_for(lambda: len(listener.got) == 3)
        assert listener.types() == [
            "payment_intent.succeeded",
            "payment_intent.succeeded",
            "checkout.session.completed",
        ]
        assert len(heard.client().v1.events.list().data) == 3


class TestPage:
    def test_pays_once_when_twenty_click_at_once(self, running: Running) -> None:
        session = running.client().v1.checkout.sessions.create(order())

        def click(_number: int) -> int:
            form = {"number": "4242 4242 4242 4242"}
            return httpx.post(str(session.url), data=form, timeout=10).status_code

        with ThreadPoolExecutor(20) as crowd:
            assert set(crowd.map(click, range(20))) == {303}
        types = [event.type for event in running.client().v1.events.list().data]
        assert types.count("charge.succeeded") == 1


class TestProcess:
    def test_refuses_what_cannot_work_in_a_sentence(self, running: Running, tmp_path: Path) -> None:
        assert "cannot listen" in running.refused()
        assert "Another simulator uses" in Running(running.data).refused()
        assert "sk_test_" in Running(tmp_path / "live").refused(key="sk_live_1")
        assert "http://" in Running(tmp_path / "ftp").refused("--webhook-url", "ftp://x")

    def test_refuses_what_is_too_large(self, running: Running) -> None:
        body = b"a=" + b"x" * 70_000
        answer = httpx.post(f"{running.url}/v1/refunds", content=body)
        assert answer.status_code == 413

    def test_ends_in_time_while_a_request_hangs(self, running: Running) -> None:
        running.next("timeout")
        begun = threading.Event()

        def hang() -> None:
            begun.set()
            with pytest.raises(stripe.StripeError):
                running.client(timeout_s=20).v1.checkout.sessions.create(order())

        with ThreadPoolExecutor(1) as crowd:
            hanging = crowd.submit(hang)
            begun.wait()
            wait_for(lambda: not httpx.get(f"{running.url}/_simulator/next").json()["waiting"])
            began = time.monotonic()
            assert running.end() == 0
            assert time.monotonic() - began < 6
            hanging.result()

    def test_journals_no_card_number(self, running: Running) -> None:
        session = running.client().v1.checkout.sessions.create(order())
        running.pay(session.id)
        text = (running.data / FILE_NAME).read_text("utf-8")
        assert "4242424242424242" not in text
        operations = [json.loads(line)["operation"] for line in text.strip().split("\n")]
        assert operations[:2] == ["checkout.session.create", "checkout.pay"]
