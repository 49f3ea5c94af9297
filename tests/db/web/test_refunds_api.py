"""The API of refunds, reviews and jobs: who may, and that a refusal leaves nothing behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping

import psycopg
import pytest
from django.db import connection

from factories.keys import issued
from factories.wallets import wallet as opened
from tallystick import db, ids, jobs, ledger, wallets
from tallystick.keys import Scope
from tallystick.money import Currency, Money

KES = Currency("KES")
WHOLE = Money(150_000, KES)
KEY = "01900000-0000-7000-8000-000000000001"
#: Whatever a refusal must leave alone.
TABLES = (
    "tallystick.refund",
    "tallystick.payment_step",
    "tallystick.transfer",
    "tallystick.idempotency",
    "public.procrastinate_jobs",
)


def ask(browser, method: str, path: str, body: object = None, *, key: str | None = "k1", **headers):
    sent = {**headers, **({"Idempotency-Key": key} if key and method == "post" else {})}
    data = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(browser, method)(path, **data, headers=sent)


def code(answer) -> tuple[int, str]:
    assert answer["Content-Type"].startswith("application/problem+json"), answer.content
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def rows(site):
    """Count what a refusal must leave alone."""
    return lambda: {table: site.count(table) for table in TABLES}


@pytest.fixture
def amina(sign_up):
    return sign_up()


@pytest.fixture
def paid(amina, provider) -> str:
    """Bring KES 1,500 into Amina's wallet and return the payment's id."""
    answer = amina.post("/top-up", {"amount": "1500", "key": KEY})
    path = str(answer["Location"]).partition("?")[0]
    provider.settle(path, WHOLE)
    return path.rpartition("/")[2]


@pytest.fixture
def bearer(site):
    """Issue a key with scopes and return the headers that show it."""

    def one(*scopes: Scope, owner: str | None = None) -> Mapping[str, str]:
        with psycopg.connect(site.url) as conn:
            key = issued(conn, *scopes, owner=owner, now=db.now(conn))
        return {"Authorization": f"Bearer {key.text}"}

    return one


def refunds_of(shown: str) -> str:
    return f"/api/payments/{shown}/refunds"


class TestRefund:
    def test_gives_all_that_is_left_without_an_amount(self, site, operator, paid):
        some = ask(operator, "post", refunds_of(paid), {"amount": 50_000})
        assert some.status_code == 201, some.content
        assert (some.json()["amount"], some.json()["state"]) == (50_000, "created")
        assert some.json()["reason"] == "requested_by_customer"
        rest = ask(operator, "post", refunds_of(paid), {"reason": "duplicate"}, key="k2")
        assert (rest.json()["amount"], rest.json()["reason"]) == (100_000, "duplicate")
        seen = operator.get(f"/api/payments/{paid}").json()
        assert (seen["refunded"], seen["left"]) == (150_000, 0)
        assert [one["id"] for one in seen["refunds"]] == [some.json()["id"], rest.json()["id"]]
        assert {step["refund"] for step in seen["steps"]} == {
            None,
            some.json()["id"],
            rest.json()["id"],
        }
        with psycopg.connect(site.url) as conn:
            assert ledger.verify(conn) == []

    def test_under_the_same_key_is_one_refund(self, site, operator, paid, rows):
        first = ask(operator, "post", refunds_of(paid), {"amount": 50_000})
        before = rows()
        again = ask(operator, "post", refunds_of(paid), {"amount": 50_000})
        assert again.json() == first.json()
        assert code(ask(operator, "post", refunds_of(paid), {"amount": 50_001})) == (
            422,
            "idempotency_key_reused",
        )
        assert rows() == before

    def test_asked_ten_times_at_once_is_one_refund(self, site, operator, paid):
        cookies, gate, answers = operator.cookies, threading.Barrier(10), []

        def click() -> None:
            browser = site.browser()
            browser.cookies = cookies
            gate.wait()
            answers.append(ask(browser, "post", refunds_of(paid), {"amount": 60_000}))
            connection.close()

        threads = [threading.Thread(target=click) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert site.count("tallystick.refund") == 1
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1

    def test_that_is_wrong_leaves_nothing(self, operator, paid, rows):
        before = rows()
        for body, refusal in (
            ({"amount": 150_001}, (409, "refund_too_large")),
            ({"amount": 150_000, "currency": "USD"}, (422, "currency_mismatch")),
            ({"currency": "USD"}, (422, "currency_mismatch")),
            ({"amount": 1, "currency": "XXQ"}, (422, "currency_unknown")),
            ({"amount": 0}, (422, "request_invalid")),
            ({"amount": "50000"}, (422, "request_invalid")),
            ({"amount": 1.5}, (422, "request_invalid")),
            ({"reason": "bored"}, (422, "request_invalid")),
            ({"amount": 1, "note": "x"}, (422, "request_invalid")),
        ):
            assert code(ask(operator, "post", refunds_of(paid), body)) == refusal
        for shown in (ids.show("pay", ids.new()), "nonsense", "pay_x"):
            assert ask(operator, "post", refunds_of(shown), {}).status_code == 404
        assert rows() == before

    def test_needs_a_key(self, operator, paid, rows):
        before = rows()
        answer = ask(operator, "post", refunds_of(paid), {}, key=None)
        assert code(answer) == (400, "idempotency_key_malformed")
        assert rows() == before

    def test_of_money_that_was_spent_is_not_covered(self, site, operator, paid, rows):
        with psycopg.connect(site.url) as conn:
            owner = str(db.rows(conn, "SELECT owner FROM tallystick.payment", {})[0][0])
            [mine] = wallets.of_owner(conn, owner=owner)
            other = opened(conn, owner="shop:1")
            wallets.transfer(
                conn,
                actor=owner,
                owner=owner,
                from_wallet=mine.id,
                to_wallet=other.id,
                amount=Money(149_999, KES),
                request_id="test",
                now=db.now(conn),
            )
        before = rows()
        assert code(ask(operator, "post", refunds_of(paid), {})) == (409, "refund_not_covered")
        assert rows() == before

    def test_of_what_is_not_settled_is_not_supported(self, amina, operator, rows):
        answer = amina.post("/top-up", {"amount": "900", "key": str(ids.new())})
        shown = str(answer["Location"]).partition("?")[0].rpartition("/")[2]
        before = rows()
        assert code(ask(operator, "post", refunds_of(shown), {})) == (409, "refund_unsupported")
        assert rows() == before


class TestWhoMayRefund:
    def test_is_no_other_person_not_even_whose_it_is(self, amina, paid, rows):
        before = rows()
        assert code(ask(amina, "post", refunds_of(paid), {})) == (403, "forbidden")
        assert rows() == before
        assert amina.get(refunds_of(paid)).json() == {"items": [], "next": None}

    def test_is_a_key_with_the_scope(self, site, paid, bearer, rows):
        browser, before = site.browser(), rows()
        lacking = bearer(Scope.PAYMENTS_WRITE, Scope.PAYMENTS_READ)
        assert code(ask(browser, "post", refunds_of(paid), {}, **lacking)) == (403, "scope_missing")
        stranger = bearer(Scope.REFUNDS_WRITE, owner="shop:1")
        answer = ask(browser, "post", refunds_of(paid), {}, **stranger)
        assert code(answer) == (404, "payment_not_found")
        assert code(ask(browser, "post", refunds_of(paid), {})) == (401, "unauthenticated")
        assert rows() == before
        able = bearer(Scope.REFUNDS_WRITE)
        assert ask(browser, "post", refunds_of(paid), {"amount": 1}, **able).status_code == 201

    def test_is_a_key_of_whose_it_is(self, site, paid, bearer):
        with psycopg.connect(site.url) as conn:
            owner = str(db.rows(conn, "SELECT owner FROM tallystick.payment", {})[0][0])
        own = bearer(Scope.REFUNDS_WRITE, owner=owner)
        assert ask(site.browser(), "post", refunds_of(paid), {}, **own).status_code == 201


class TestList:
    def test_comes_in_parts(self, operator, paid):
        for number in range(3):
            answer = ask(operator, "post", refunds_of(paid), {"amount": 100}, key=f"k{number}")
            assert answer.status_code == 201
        first = operator.get(f"{refunds_of(paid)}?limit=2").json()
        assert len(first["items"]) == 2
        rest = operator.get(f"{refunds_of(paid)}?limit=2&cursor={first['next']}").json()
        assert (len(rest["items"]), rest["next"]) == (1, None)

    def test_is_not_for_strangers(self, sign_up, paid):
        stranger = sign_up("bakari@example.org")
        assert code(stranger.get(refunds_of(paid))) == (404, "payment_not_found")
        assert code(stranger.get(f"/api/payments/{paid}")) == (404, "payment_not_found")


class TestPayment:
    def test_tells_its_way_and_until_when_it_waits(self, amina, operator, paid):
        for browser in (amina, operator):
            seen = browser.get(f"/api/payments/{paid}").json()
            assert [step["state"] for step in seen["steps"]] == [
                "created",
                "sending",
                "submitted",
                "settled",
            ]
            assert seen["expires_at"] > seen["created_at"]
            assert (seen["refunded"], seen["left"], seen["refunds"]) == (0, 150_000, [])

    def test_that_brought_nothing_has_nothing_left(self, amina):
        answer = amina.post("/top-up", {"amount": "900", "key": str(ids.new())})
        shown = str(answer["Location"]).partition("?")[0].rpartition("/")[2]
        assert amina.get(f"/api/payments/{shown}").json()["left"] == 0


class TestReviews:
    @pytest.fixture
    def review(self, amina, operator, provider) -> str:
        answer = amina.post("/top-up", {"amount": "900", "key": str(ids.new())})
        path = str(answer["Location"]).partition("?")[0]
        provider.fall_silent(path)
        provider.give_up(path)
        [found] = operator.get("/api/reviews?state=open").json()["items"]
        assert found["payment"] == path.rpartition("/")[2]
        return str(found["id"])

    def test_are_answered_once_with_a_reason(self, site, operator, review):
        path = f"/api/reviews/{review}/resolve"
        for reason in ("", "  ", "x" * 501, "a\x00b"):
            refused = ask(operator, "post", path, {"reason": reason})
            assert refused.status_code in {400, 422}, reason
        assert operator.get(f"/api/reviews/{review}").json()["state"] == "open"
        done = ask(operator, "post", path, {"reason": "Stripe says it is paid."}).json()
        assert (done["state"], done["reason"]) == ("resolved", "Stripe says it is paid.")
        assert done["resolved_by"].startswith("person:")
        again = ask(operator, "post", path, {"reason": "Twice"})
        assert code(again) == (409, "review_resolved")
        assert operator.get("/api/reviews?state=open").json()["items"] == []
        assert len(operator.get("/api/reviews?state=resolved").json()["items"]) == 1

    def test_are_for_operators_alone(self, site, amina, review, bearer):
        for path in ("/api/reviews", f"/api/reviews/{review}"):
            assert code(amina.get(path)) == (403, "forbidden")
            assert code(site.browser().get(path)) == (401, "unauthenticated")
            key = bearer(*Scope)
            assert code(site.browser().get(path, headers=key)) == (401, "unauthenticated")
        path = f"/api/reviews/{review}/resolve"
        assert code(ask(amina, "post", path, {"reason": "Mine"})) == (403, "forbidden")

    def test_refuse_what_they_do_not_know(self, operator, review):
        assert code(operator.get("/api/reviews?state=lost")) == (422, "request_invalid")
        assert code(operator.get("/api/reviews?owner=me")) == (422, "request_invalid")
        nobody = ids.show("rev", ids.new())
        assert code(operator.get(f"/api/reviews/{nobody}")) == (404, "review_not_found")
        path = f"/api/reviews/{review}/resolve"
        assert code(ask(operator, "post", path, {"reason": "a", "by": "me"}))[0] == 422


class TestJobs:
    def test_tell_how_they_stand(self, site, operator, bearer):
        with psycopg.connect(site.url) as conn:
            arguments = {"payment_id": str(ids.new())}
            number = jobs.enqueue(conn, name="payments.look", arguments=arguments, queue="money")
        seen = operator.get(f"/api/jobs/{number}").json()
        assert (seen["name"], seen["state"], seen["attempts"]) == ("payments.look", "queued", 0)
        assert seen["finished_at"] is None
        assert "arguments" not in seen
        for status, state in {"doing": "running", "succeeded": "succeeded"}.items():
            with psycopg.connect(site.url) as conn:
                conn.execute(
                    "UPDATE public.procrastinate_jobs SET status = %s WHERE id = %s",
                    (status, number),
                )
            seen = operator.get(f"/api/jobs/{number}").json()
            assert (seen["state"], seen["finished_at"] is None) == (state, status == "doing")
        every, one = bearer(Scope.PAYMENTS_READ), bearer(Scope.PAYMENTS_READ, owner="shop:1")
        assert site.browser().get(f"/api/jobs/{number}", headers=every).status_code == 200
        refused = site.browser().get(f"/api/jobs/{number}", headers=one)
        assert code(refused) == (403, "forbidden")

    def test_that_are_not_there_are_404(self, operator):
        for number in ("0", "999999", "9" * 19, "9" * 40, "-1", "x", "١"):
            assert code(operator.get(f"/api/jobs/{number}")) == (404, "job_not_found")

    def test_are_not_for_everybody(self, amina):
        assert code(amina.get("/api/jobs/1")) == (403, "forbidden")


def test_states_of_the_wire_are_those_of_the_room() -> None:
    from tallystick.web.api.schemas import JobOut  # noqa: PLC0415 - Django has to stand first

    told = JobOut.model_json_schema()["properties"]["state"]["enum"]
    assert sorted(told) == sorted(jobs.JobState)
