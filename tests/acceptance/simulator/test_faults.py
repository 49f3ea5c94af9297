"""Every misbehaviour, as the official SDK and real processes meet it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe
from tests.acceptance.simulator.process import KEY, Listener, Running, order, wait_for

from tallystick.simulator import read_journal

CALLER = """
import sys
import stripe
url, charge, key = sys.argv[1:]
client = stripe.StripeClient("sk_test_acceptance", base_addresses={"api": url})
client.v1.balance_transactions.list()
print("ready", flush=True)
sys.stdin.readline()
refund = client.v1.refunds.create(
    {"charge": charge, "amount": 100, "metadata": {"who": "caller"}},
    {"idempotency_key": key} if key else {},
)
print(refund.id, flush=True)
"""


class Caller:
    """A process that asks for a refund of 100 when it is told to."""

    def __init__(self, running: Running, charge: str, *, key: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", CALLER, running.url, charge, key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self) -> tuple[int, str]:
        """Return how it ended and what it said."""
        # Wait first: it would take the end of its input for a word to go.
        self.process.wait(20)
        said, _ = self.process.communicate()
        return self.process.returncode, said


class TestKillCaller:
    def test_kills_the_process_that_called_and_keeps_the_work(self, running: Running) -> None:
        charge = running.paid().id
        callers = [Caller(running, charge) for _ in range(3)]
        running.next("kill_caller", match="refund.create", times=1)
        callers[1].go()
        assert callers[1].end() == (-signal.SIGKILL, "")
        for one in (callers[0], callers[2]):
            one.go()
        ends = [one.end() for one in (callers[0], callers[2])]
        assert [status for status, _ in ends] == [0, 0]
        refunds = read_journal(running.data).refunds
        assert [one.metadata for one in refunds.values()] == [{"who": "caller"}] * 3
        assert {said.strip() for _, said in ends} < set(refunds)

    def test_keeps_the_answer_under_the_key(self, running: Running) -> None:
        charge = running.paid().id
        running.next("kill_caller", match="refund.create")
        caller = Caller(running, charge, key="k")
        caller.go()
        assert caller.end()[0] == -signal.SIGKILL
        (refund,) = read_journal(running.data).refunds
        again = Caller(running, charge, key="k")
        again.go()
        assert again.end() == (0, f"{refund}\n")
        assert list(read_journal(running.data).refunds) == [refund]

    def test_kills_many_that_call_at_once_and_nobody_else(self, running: Running) -> None:
        charge = running.paid().id
        callers = [Caller(running, charge) for _ in range(6)]
        running.next("kill_caller", match="refund.create", times=3)
        for one in callers:
            one.go()
        ends = [one.end() for one in callers]
        assert sorted(status for status, _ in ends) == [-signal.SIGKILL] * 3 + [0] * 3
        assert len(read_journal(running.data).refunds) == 6
        # The simulator itself lives.
        assert running.client().v1.charges.retrieve(charge).amount_refunded == 600

    def test_kills_the_process_that_is_named(self, running: Running) -> None:
        charge = running.paid().id
        named, caller = Caller(running, charge), Caller(running, charge)
        running.next("kill_caller", match="refund.create", pid=named.process.pid)
        caller.go()
        assert named.end() == (-signal.SIGKILL, "")
        caller.process.kill()
        assert caller.end()[1] == ""
        assert len(read_journal(running.data).refunds) == 1

    def test_refuses_itself_and_web_pages(self, running: Running) -> None:
        assert running.process is not None
        url = f"{running.url}/_simulator/next"
        itself = {"what": "kill_caller", "pid": running.process.pid}
        assert httpx.post(url, json=itself).status_code == 400
        page = {"Host": "attacker.example:8124"}
        assert httpx.post(url, json={"what": "kill_caller"}, headers=page).status_code == 400
        assert running.control("next", method="GET") == {"waiting": []}


class TestAnswers:
    @pytest.mark.parametrize("what", ["cut_body", "html_body"])
    def test_that_are_no_json_hide_work_that_was_done(self, running: Running, what: str) -> None:
        running.next(what)
        options: Any = {"idempotency_key": "k"}
        with pytest.raises(stripe.StripeError):
            running.client().v1.checkout.sessions.create(order(), options)
        listed = running.client().v1.checkout.sessions.list().data
        again = running.client().v1.checkout.sessions.create(order(), options)
        assert [one.id for one in listed] == [again.id]

    def test_are_cut_in_the_middle_of_the_json(self, running: Running) -> None:
        running.next("cut_body", match="charge.list")
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.stream("GET", f"{running.url}/v1/charges", headers=headers) as answer:
            with pytest.raises(httpx.RemoteProtocolError):
                answer.read()
            assert answer.status_code == 200
        assert 0 < answer.num_bytes_downloaded < int(answer.headers["Content-Length"])

    @pytest.mark.parametrize(("what", "refunds"), [("error_500", 0), ("error_500_after_charge", 1)])
    def test_of_500_are_replayed_under_their_key(
        self, running: Running, what: str, refunds: int
    ) -> None:
        charge = running.paid().id
        v1 = running.client().v1
        running.next(what)
        options: Any = {"idempotency_key": "k"}
        bodies = []
        for replayed in (None, "true", "true"):
            with pytest.raises(stripe.APIError) as refused:
                v1.refunds.create({"charge": charge}, options)
            assert refused.value.http_status == 500
            assert (refused.value.headers or {}).get("Idempotent-Replayed") == replayed
            bodies.append(refused.value.http_body)
        assert len(set(bodies)) == 1
        assert len(v1.refunds.list().data) == refunds

    def test_that_are_lost_leave_a_refund_that_the_key_finds(self, running: Running) -> None:
        charge = running.paid().id
        running.next("timeout_after_charge", match="refund.create")
        options: Any = {"idempotency_key": "k"}
        with pytest.raises(stripe.APIConnectionError):
            running.client(timeout_s=0.3).v1.refunds.create({"charge": charge}, options)
        v1 = running.client().v1
        found = v1.refunds.create({"charge": charge}, options)
        assert [one.id for one in v1.refunds.list().data] == [found.id]

    def test_say_when_to_come_again(self, running: Running) -> None:
        for asked, said in (({}, "1"), ({"retry_after_s": 7}, "7")):
            running.next("rate_limited", **asked)
            with pytest.raises(stripe.RateLimitError) as refused:
                running.client().v1.checkout.sessions.create(order())
            assert (refused.value.headers or {})["Retry-After"] == said

    def test_drip_byte_by_byte(self, running: Running) -> None:
        running.next("drip", match="charge.list", after_s=0.01)
        headers = {"Authorization": f"Bearer {KEY}"}
        with httpx.stream("GET", f"{running.url}/v1/charges", headers=headers) as answer:
            parts = list(answer.iter_raw(1))
        assert json.loads(b"".join(parts))["data"] == []
        running.next("drip", match="charge.list")
        with (
            httpx.stream("GET", f"{running.url}/v1/charges", headers=headers, timeout=0.3) as slow,
            pytest.raises(httpx.ReadTimeout),
        ):
            slow.read()
        # Others are served while one drips.
        assert running.client().v1.charges.list().data == []

    def test_are_huge(self, running: Running) -> None:
        running.next("huge_body", match="charge.list")
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = httpx.get(f"{running.url}/v1/charges", headers=headers)
        assert len(answer.content) > 10 * 1024 * 1024
        assert answer.json()["data"] == []

    def test_lie_while_the_book_stays_right(self, running: Running) -> None:
        v1 = running.client().v1
        intent = running.paid().payment_intent
        true = v1.payment_intents.retrieve(intent).to_dict()
        lies = {
            "other_amount": ("amount", 150_001),
            "other_currency": ("currency", "usd"),
            "unknown_status": ("status", "teleported"),
        }
        for what, (name, told) in lies.items():
            running.next(what, match="payment_intent.retrieve")
            assert v1.payment_intents.retrieve(intent).to_dict()[name] == told
        running.next("other_amount", match="payment_intent.retrieve", amount=1)
        assert v1.payment_intents.retrieve(intent).amount == 1
        running.next("other_id", match="payment_intent.retrieve")
        other = v1.payment_intents.retrieve(intent).id
        assert other.startswith("pi_")
        assert other != intent
        with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
            v1.payment_intents.retrieve(other)
        assert v1.payment_intents.retrieve(intent).to_dict() == true

    def test_say_every_field_twice(self, running: Running) -> None:
        intent = running.paid().payment_intent
        running.next("duplicate_keys", match="payment_intent.retrieve")
        headers = {"Authorization": f"Bearer {KEY}"}
        text = httpx.get(f"{running.url}/v1/payment_intents/{intent}", headers=headers).text
        pairs = json.loads(text, object_pairs_hook=lambda pairs: pairs)
        assert [value for name, value in pairs if name == "amount"] == [150_000, 150_001]

    def test_lie_once_and_are_kept_truly_under_the_key(self, running: Running) -> None:
        charge = running.paid().id
        running.next("other_amount", match="refund.create")
        options: Any = {"idempotency_key": "k"}
        client = running.client()
        asked: Any = {"charge": charge, "amount": 500}
        assert client.v1.refunds.create(asked, options).amount == 501
        assert client.v1.refunds.create(asked, options).amount == 500
        assert client.v1.charges.retrieve(charge).amount_refunded == 500


class TestOutage:
    def test_lasts_until_it_is_ended(self, running: Running) -> None:
        v1 = running.client().v1
        running.control("outage", {"retry_after_s": 3})
        for _ in range(3):
            with pytest.raises(stripe.APIError) as refused:
                v1.checkout.sessions.create(order())
            assert refused.value.http_status == 503
            assert (refused.value.headers or {})["Retry-After"] == "3"
            with pytest.raises(stripe.APIError):
                v1.charges.list()
        running.control("outage", method="DELETE")
        assert v1.checkout.sessions.list().data == []

    def test_hangs_and_lets_people_pay(self, running: Running) -> None:
        session = running.client().v1.checkout.sessions.create(order())
        running.control("outage", {"answer": "hang"})
        with pytest.raises(stripe.APIConnectionError):
            running.client(timeout_s=0.3).v1.charges.list()
        assert running.pay(session.id) == "paid"
        running.control("outage", method="DELETE")
        assert len(running.client().v1.charges.list().data) == 1

    def test_strikes_each_second_call(self, running: Running) -> None:
        running.control("outage", {"answer": 502, "every": 2})
        headers = {"Authorization": f"Bearer {KEY}"}
        asked = [httpx.get(f"{running.url}/v1/charges", headers=headers) for _ in range(6)]
        assert [answer.status_code for answer in asked] == [200, 502] * 3


class TestWebhooks:
    def test_overtake_one_another_on_request(self, heard: Running, listener: Listener) -> None:
        heard.next("out_of_order_webhook", match="checkout.session.completed")
        charge = heard.paid()
        wait_for(lambda: len(listener.got) == 2)
        heard.client().v1.refunds.create({"charge": charge.id})
        wait_for(lambda: len(listener.got) == 5)
        types = listener.types()
        place = types.index("checkout.session.completed")
        assert {"refund.created", "charge.refunded"} & set(types[:place])
        assert len({event.id for event in listener.events()}) == 5

    def test_come_in_the_end_though_nothing_overtakes_them(
        self, heard: Running, listener: Listener
    ) -> None:
        kind = "checkout.session.completed"
        heard.next("out_of_order_webhook", match=kind, after_s=0.2)
        heard.paid()
        wait_for(lambda: kind in listener.types())

    def test_lose_none_when_the_simulator_is_killed_while_it_delivers(
        self, heard: Running, listener: Listener
    ) -> None:
        with ThreadPoolExecutor(4) as crowd:
            list(crowd.map(lambda _number: heard.paid(), range(40)))
        wait_for(lambda: len(listener.got) > 10)
        assert heard.end(signal.SIGKILL) == -signal.SIGKILL
        told = read_journal(heard.data)
        owed = {one.event for one in told.webhooks.values()}
        assert len(owed) == 120
        heard.start()
        wait_for(lambda: {event.id for event in listener.events()} == owed)
        wait_for(lambda: not read_journal(heard.data).webhooks_owed)

    def test_go_over_a_few_connections(self, heard: Running, listener: Listener) -> None:
        with ThreadPoolExecutor(4) as crowd:
            list(crowd.map(lambda _number: heard.paid(), range(10)))
        wait_for(lambda: len(listener.got) == 30)
        assert len(listener.callers) <= 4
