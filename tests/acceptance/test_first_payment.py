"""The first payment through the real doors: server, workers and simulator as processes."""

from __future__ import annotations

import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx
import pytest
import stripe as sdk

from tallystick import clock, db, ids, webhooks
from tallystick.providers.stripe import Stripe

_TABLES = ("payment", "payment_step", "attempt", "posting", "transfer", "webhook_event")


@pytest.fixture(scope="module")
def walk(house):
    """The selftest's own report."""
    done = house.tallystick("selftest", "--json")
    return done.returncode, json.loads(done.stdout)


def counts(house) -> dict[str, object]:
    """How many rows each table of money has."""
    statement = "SELECT count(*) FROM tallystick.{}"
    return {table: house.database.scalar(statement.format(table)) for table in _TABLES}


def ask(person, **change: object) -> httpx.Response:
    """Ask for a payment as the API's callers do."""
    asked = {"wallet": person.wallet, "amount": 150_000, "currency": "KES", **change}
    headers = {"Idempotency-Key": secrets.token_hex(8), "Content-Type": "application/json"}
    return person.post("/api/payments", content=json.dumps(asked), headers=headers)


def deliver(house, raw: bytes, *, secret: str | None = None, header: str | None = None):
    """Deliver a webhook as Stripe does."""
    if header is None:
        header = sdk.WebhookSignature.generate_signature_header(
            raw.decode(), secret or house.webhook_secret
        )
    headers = {"Stripe-Signature": header.encode("latin-1")}
    return httpx.post(f"{house.url}/api/webhooks/stripe", content=raw, headers=headers, timeout=10)


class TestSelftest:
    def test_walks_every_step(self, walk):
        status, report = walk
        assert (status, report["ok"]) == (0, True), report
        assert [step["ok"] for step in report["steps"]] == [True] * 15
        assert all(step["seconds"] >= 0 for step in report["steps"])

    def test_sends_money_to_a_second_person_once_and_is_refused_without_cover(self, house, walk):
        steps = {step["step"]: step["seen"] for step in walk[1]["steps"]}
        shown = steps["money goes to them once, asked twice"]
        moved = "SELECT amount FROM tallystick.transfer WHERE id = %s"
        assert house.database.scalar(moved, ids.read("tra", shown)) == 40_000
        assert steps["a transfer without cover is refused"] == (
            "The wallet has KES 1,100.00, which does not cover this amount."
        )

    def test_says_so_when_nothing_runs(self, house):
        nowhere = {**house.environment, "TALLYSTICK_PUBLIC_URL": "http://127.0.0.1:9"}
        lonely = replace(house, environment=nowhere)
        done = lonely.tallystick("selftest", "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["steps"][0]["ok"] is False


class TestPayment:
    @pytest.mark.parametrize(
        "amount",
        [0, -1, 0.5, 1.0, "150000", True, None, [], 2**53, 2**64, 10**400, 9_999, 100_000_000],
    )
    def test_of_an_amount_that_is_none_is_refused_and_nothing_changes(self, house, person, amount):
        before = counts(house)
        answer = ask(person, amount=amount)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert "amount" in json.dumps(answer.json()["errors"])
        assert counts(house) == before

    @pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "1e400", "1_000", "0x10", "١"])
    def test_of_an_amount_that_is_no_json_is_refused_and_nothing_changes(self, house, person, raw):
        before = counts(house)
        body = f'{{"wallet": "{person.wallet}", "amount": {raw}, "currency": "KES"}}'
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        answer = person.post("/api/payments", content=body.encode(), headers=headers)
        assert answer.status_code in {400, 422}, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert counts(house) == before

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"currency": "USD"}, 422, "currency_mismatch"),
            ({"currency": "XXX"}, 422, "currency_unknown"),
            ({"currency": "kes"}, 422, "request_invalid"),
            ({"provider": "nobody"}, 422, "provider_unknown"),
            ({"balance": 1}, 422, "request_invalid"),
            ({"wallet": "wal_" + "0" * 26}, 404, "wallet_not_found"),
            ({"wallet": "nonsense"}, 404, "id_malformed"),
        ],
    )
    def test_is_refused_with_a_stable_code(self, house, person, change, status, code):
        before = counts(house)
        amount = {"amount": 5_000} if change.get("currency") == "USD" else {}
        answer = ask(person, **change, **amount)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert counts(house) == before

    def test_needs_a_key(self, person):
        answer = person.post("/api/payments", json={})
        assert answer.status_code in {400, 422}

    def test_needs_a_signed_in_person(self, house):
        answer = httpx.post(f"{house.url}/api/payments", json={})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_needs_the_csrf_token(self, house, person):
        before = counts(house)
        with httpx.Client(base_url=house.url, cookies=person.cookies) as thief:
            thief.wallet = person.wallet
            answer = ask(thief)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf_failed")
        assert counts(house) == before

    def test_of_another_person_looks_absent(self, house, walk, person):
        other = house.database.scalar("SELECT id FROM tallystick.payment LIMIT 1")
        for path in (f"/api/payments/{ids.show('pay', other)}", "/api/payments/pay_" + "0" * 26):
            answer = person.get(path)
            assert (answer.status_code, answer.json()["code"]) == (404, "payment_not_found")


class TestList:
    def test_comes_in_parts_that_hold_each_payment_once(self, person):
        made = [ask(person).json()["id"] for _ in range(5)]
        seen_ids, cursor = [], None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            part = person.get("/api/payments", params=query).json()
            assert 1 <= len(part["items"]) <= 2
            seen_ids += [payment["id"] for payment in part["items"]]
            cursor = part["next"]
            if cursor is None:
                break
        whole = person.get("/api/payments", params={"limit": 200}).json()
        assert [payment["id"] for payment in whole["items"]] == seen_ids
        assert seen_ids[:5] == made[::-1]
        assert whole["next"] is None

    def test_of_wallets_has_the_same_form(self, person):
        found = person.get("/api/wallets", params={"limit": 1}).json()
        assert [wallet["id"] for wallet in found["items"]] == [person.wallet]
        assert found["next"] is None
        assert person.get("/api/wallets?cursor=" + "_" * 22).status_code == 422

    @pytest.mark.parametrize("path", ["/api/payments", "/api/wallets"])
    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=-1", "limit"),
            ("limit=many", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=", "cursor"),
            ("cursor=nonsense", "cursor"),
            ("cursor=a&cursor=b", "cursor"),
            ("offset=1", "offset"),
            ("owner=other&owner=another", "owner"),
        ],
    )
    def test_refuses_a_query_that_is_wrong(self, person, path, query, field):
        answer = person.get(f"{path}?{query}")
        found = answer.json()
        code = "cursor_malformed" if query == "cursor=nonsense" else "request_invalid"
        assert (answer.status_code, found["code"]) == (422, code), found
        assert [error["field"] for error in found["errors"]] == [field]

    def test_is_not_told_to_nobody_whatever_the_query(self, house):
        answer = httpx.get(f"{house.url}/api/payments?unknown=1")
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


class TestEveryOperation:
    def test_refuses_a_parameter_that_is_not_its_own(self, house, person):
        payment = ask(person).json()["id"]
        before = counts(house)["payment"]
        real = {
            "wallet_id": person.wallet,
            "payment_id": payment,
            "transfer_id": "tra_" + "0" * 26,
            "review_id": "rev_" + "0" * 26,
            "job_id": 1,
        }
        asked = {"wallet": person.wallet, "amount": 150_000, "currency": "KES"}
        operations = [
            (method, path.format(**real))
            for path, methods in person.get("/api/openapi.json").json()["paths"].items()
            for method in methods
        ]
        assert len(operations) >= 5
        for method, path in operations:
            answer = person.request(
                method,
                f"{path}?unknown=1",
                json=asked if method == "post" else None,
                headers={"Idempotency-Key": secrets.token_hex(8)},
            )
            assert (answer.status_code, answer.json()["code"]) == (422, "request_invalid"), path
        assert counts(house)["payment"] == before


class TestWebhook:
    @pytest.mark.parametrize(
        ("secret", "header"),
        [
            ("whsec_forged", None),
            (None, ""),
            (None, "t=1,v1=00"),
            (None, "v1=\xe9"),
            (None, "garbage"),
        ],
    )
    def test_that_is_forged_is_refused_and_not_kept(self, house, secret, header):
        before = counts(house)
        raw = b'{"id": "evt_forged", "type": "x", "created": 1, "data": {"object": {}}}'
        answer = deliver(house, raw, secret=secret, header=header)
        assert answer.status_code == 400
        assert answer.json()["code"] == "webhook_signature_invalid"
        assert counts(house) == before

    def test_in_bad_utf8_is_refused(self, house):
        answer = deliver(house, b"\xff\xfe", header="t=1,v1=" + "0" * 64)
        assert answer.status_code == 400

    def test_of_an_unknown_provider_is_not_found(self, house):
        answer = httpx.post(f"{house.url}/api/webhooks/nobody", content=b"{}")
        assert answer.status_code == 404

    def test_twenty_times_at_once_credits_once(self, house, person):
        before = balance(person)
        payment = submitted(person)
        control(house, "next", {"what": "lost_webhook", "match": "checkout.session.completed"})
        assert pay(house, payment) == "paid"
        raw = journalled_event(house, payment)
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(lambda _: deliver(house, raw), range(20)))
        assert {answer.status_code for answer in answers} <= {200, 202, 204}
        until(lambda: seen(person, payment)["state"] == "settled")
        assert balance(person) == before + 150_000
        kept = "SELECT count(*) FROM tallystick.webhook_event WHERE body = %s"
        assert house.database.scalar(kept, raw) == 1


class TestPoller:
    def test_finds_a_webhook_that_never_came(self, house, person):
        before = balance(person)
        payment = submitted(person)
        control(house, "next", {"what": "lost_webhook", "match": "checkout.session.completed"})
        assert pay(house, payment) == "paid"
        later = clock.outside_now() + timedelta(minutes=2)
        stripe = Stripe(
            secret_key=house.environment["TALLYSTICK_STRIPE_SECRET_KEY"],
            webhook_secret=house.webhook_secret,
            api_url=house.simulator_url,
            public_url=house.url,
        )
        pool = db.Pool(
            house.database.application_url, size_max=2, timeout_s=5, application_name="test"
        )
        look = partial(
            webhooks.poll, pool=pool, sources={"stripe": stripe}, outside_now=lambda: later
        )
        look()
        until(lambda: seen(person, payment)["state"] == "settled")
        assert balance(person) == before + 150_000
        event = json.loads(journalled_event(house, payment))
        found = json.loads(house.tallystick("webhooks", "gaps", "--json").stdout)
        assert event["id"] in {gap["external_id"] for gap in found}
        kept = "SELECT count(*) FROM tallystick.webhook_event"
        count = house.database.scalar(kept)
        look()
        assert house.database.scalar(kept) == count
        assert deliver(house, journalled_event(house, payment)).status_code == 200
        assert house.database.scalar(kept) == count
        pool.close()


class TestProvider:
    def test_that_answers_nothing_after_its_deed_is_asked_again_under_the_same_key(
        self, house, person
    ):
        control(house, "next", {"what": "timeout_after_charge", "match": "checkout.session.create"})
        payment = ask(person).json()
        until(lambda: seen(person, payment)["state"] == "unknown")
        until(lambda: seen(person, payment)["state"] == "submitted")
        sessions = [
            record["object"]
            for record in journal(house, "checkout_session")
            if record["object"]["client_reference_id"] == payment["id"]
        ]
        assert len({session["id"] for session in sessions}) == 1

    def test_that_declines_a_card_leaves_the_payment_open_for_another(self, house, person):
        before = balance(person)
        payment = submitted(person)
        assert pay(house, payment, card="4000000000000002") == "declined"
        until(lambda: seen(person, payment)["failure"])
        refused = seen(person, payment)
        assert (refused["state"], balance(person)) == ("submitted", before)
        assert "declined" in refused["failure"]["detail"]
        assert pay(house, payment) == "paid"
        until(lambda: seen(person, payment)["state"] == "settled")
        assert (seen(person, payment)["failure"], balance(person)) == (None, before + 150_000)


def until(holds, *, within_s: float = 20.0):
    """Wait until something holds, and return what it said."""
    deadline = time.monotonic() + within_s
    while not (said := holds()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return said


def seen(person, payment) -> dict:
    return person.get(f"/api/payments/{payment['id']}").json()


def submitted(person) -> dict:
    """Ask for a payment and wait for the provider's page."""
    payment = ask(person).json()
    until(lambda: seen(person, payment)["action_url"])
    return seen(person, payment)


def balance(person) -> int:
    return person.get(f"/api/wallets/{person.wallet}").json()["available"]["amount"]


def session_of(payment) -> str:
    return payment["action_url"].rpartition("/")[2]


def control(house, order: str, body: dict) -> dict:
    answer = httpx.post(f"{house.simulator_url}/_simulator/{order}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def pay(house, payment, *, card: str = "4242424242424242") -> str:
    """Pay as a person would on the provider's page, and return the outcome."""
    return control(house, "pay", {"session": session_of(payment), "card": card})["outcome"]


def journal(house, kind: str) -> list[dict]:
    """Return the records of one kind that the simulator has on disk."""
    entries = httpx.get(f"{house.simulator_url}/_simulator/journal?limit=1000").json()["entries"]
    return [record for entry in entries for record in entry["records"] if record["kind"] == kind]


def journalled_event(house, payment) -> bytes:
    """Return the event that says that this payment's session is paid, as it would be sent."""
    for record in journal(house, "event"):
        event = record["object"]
        content = event["data"]["object"]
        if content["id"] == session_of(payment) and event["type"].endswith("completed"):
            return json.dumps(event).encode()
    raise AssertionError("the simulator has no such event")
