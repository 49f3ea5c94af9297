"""Stripe's manners: keys, versions, headers, lists, idempotency, and errors on request."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

SESSIONS = "/v1/checkout/sessions"


class TestAuthentication:
    def test_takes_bearer_and_basic(self, shop: Any) -> None:
        basic = base64.b64encode(b"sk_test_unit:").decode()
        assert shop.send("GET", "/v1/account", authorization=f"Basic {basic}").status == 200
        assert shop.send("GET", "/v1/account").status == 200

    @pytest.mark.parametrize(
        "header", ["", "Bearer", "Bearer sk_test_other", "Basic ***", "Digest x", "Bearer ä"]
    )
    def test_refuses_every_other_key(self, shop: Any, header: str) -> None:
        reply = shop.send("POST", SESSIONS, authorization=header)
        assert reply.status == 401
        assert json.loads(reply.body)["error"]["type"] == "invalid_request_error"
        assert b"sk_test_other" not in reply.body


class TestRequests:
    def test_carry_an_id_a_version_and_their_key(self, shop: Any) -> None:
        reply = shop.send("POST", SESSIONS, b"mode=x", idempotency_key="k-1")
        assert reply.headers["Request-Id"].startswith("req_")
        assert reply.headers["Stripe-Version"] == "2026-10-28.endive"
        assert reply.headers["Idempotency-Key"] == "k-1"

    @pytest.mark.parametrize("body", [b"mode", b"a=1&a=2", b"mode=%ff"])
    def test_are_refused_when_they_cannot_be_read(self, shop: Any, body: bytes) -> None:
        assert shop.send("POST", SESSIONS, body).status == 400

    def test_are_refused_as_json(self, shop: Any) -> None:
        reply = shop.send("POST", SESSIONS, b"{}", content_type="application/json")
        assert b"x-www-form-urlencoded" in reply.body

    def test_are_refused_with_a_version_that_is_none(self, shop: Any) -> None:
        assert shop.send("GET", "/v1/account", stripe_version="newest").status == 400

    @pytest.mark.parametrize("path", ["/v1/customers", "/v2/core/events", "/v1/charges/"])
    def test_for_other_addresses_are_not_found(self, shop: Any, path: str) -> None:
        status, body = shop.get(path)
        assert (status, "Unrecognized request URL" in body["error"]["message"]) == (404, True)

    @pytest.mark.parametrize(
        "path",
        [
            "checkout/sessions",
            "payment_intents",
            "charges",
            "events",
            "refunds",
            "balance_transactions",
        ],
    )
    def test_for_other_objects_are_not_found(self, shop: Any, path: str) -> None:
        status, body = shop.get(f"/v1/{path}/none_1")
        assert (status, body["error"]["code"]) == (404, "resource_missing")


class TestLists:
    def test_page_in_both_directions(self, shop: Any) -> None:
        names = [shop.session()["id"] for _ in range(5)][::-1]
        first = shop.get(f"{SESSIONS}?limit=2")[1]
        assert ([one["id"] for one in first["data"]], first["has_more"]) == (names[:2], True)
        rest = shop.get(f"{SESSIONS}?limit=3&starting_after={names[1]}")[1]
        assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (names[2:], False)
        back = shop.get(f"{SESSIONS}?limit=1&ending_before={names[2]}")[1]
        assert ([one["id"] for one in back["data"]], back["has_more"]) == (names[1:2], True)

    def test_filter(self, shop: Any) -> None:
        shop.session()
        shop.clock.now += 10
        paid = shop.session()["id"]
        intent = shop.pay(paid)["payment_intent"]
        for query in ("status=complete", f"payment_intent={intent}", "created[gte]=1800000010"):
            assert [one["id"] for one in shop.get(f"{SESSIONS}?{query}")[1]["data"]] == [paid]
        assert shop.get(f"{SESSIONS}?created[lt]=1800000000")[1]["data"] == []
        assert len(shop.get(f"{SESSIONS}?created=1800000000")[1]["data"]) == 1

    def test_tell_which_events_were_not_delivered(self, shop: Any) -> None:
        shop.pay(shop.session()["id"])
        assert len(shop.get("/v1/events?delivery_success=false")[1]["data"]) == 3
        assert shop.get("/v1/events?delivery_success=true")[1]["data"] == []
        two = shop.get("/v1/events?types[]=charge.succeeded&types[]=payment_intent.succeeded")[1]
        assert len(two["data"]) == 2

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "starting_after=cs_none", "colour=1"]
    )
    def test_refuse_other_pages(self, shop: Any, query: str) -> None:
        assert shop.get(f"{SESSIONS}?{query}")[0] == 400

    def test_expand_what_is_asked(self, shop: Any) -> None:
        session = shop.session()["id"]
        shop.pay(session)
        path = "payment_intent.latest_charge.balance_transaction"
        found = shop.get(f"{SESSIONS}/{session}?expand[]={path}&expand[]=line_items")[1]
        assert found["payment_intent"]["latest_charge"]["balance_transaction"]["net"] == 145_620
        assert found["line_items"]["data"][0]["amount_total"] == 150_000
        listed = shop.get(f"{SESSIONS}?expand[]=data.payment_intent")[1]
        assert listed["data"][0]["payment_intent"]["object"] == "payment_intent"
        assert shop.get(f"{SESSIONS}/{session}")[1]["payment_intent"].startswith("pi_")


class TestIdempotency:
    def test_replays_status_and_body(self, shop: Any, form: Callable[..., Any]) -> None:
        body = urlencode(form()).encode()
        first = shop.send("POST", SESSIONS, body, idempotency_key="k")
        again = shop.send("POST", SESSIONS, body, idempotency_key="k")
        assert (again.status, again.body) == (first.status, first.body)
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["Original-Request"] == first.headers["Request-Id"]
        assert len(shop.get(SESSIONS)[1]["data"]) == 1

    def test_takes_no_other_parameters_and_no_other_endpoint(
        self, shop: Any, form: Callable[..., Any]
    ) -> None:
        shop.post(SESSIONS, form(), key="k")
        for path, asked in ((SESSIONS, form(200_000)), ("/v1/refunds", {"charge": "ch_1"})):
            status, body = shop.post(path, asked, key="k")
            assert (status, body["error"]["type"]) == (400, "idempotency_error")

    def test_keeps_refusals_of_the_work(self, shop: Any) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        assert shop.post("/v1/refunds", {"charge": charge, "amount": 150_001}, key="k")[0] == 400
        reply = shop.send(
            "POST", "/v1/refunds", f"charge={charge}&amount=150001".encode(), idempotency_key="k"
        )
        assert (reply.status, reply.headers["Idempotent-Replayed"]) == (400, "true")

    def test_forgets_after_a_day(self, shop: Any, form: Callable[..., Any]) -> None:
        first = shop.post(SESSIONS, form(), key="k")[1]
        shop.clock.now += 86_399
        assert shop.post(SESSIONS, form(), key="k")[1]["id"] == first["id"]
        shop.clock.now += 1
        assert shop.post(SESSIONS, form(), key="k")[1]["id"] != first["id"]

    def test_refuses_a_key_that_is_too_long(self, shop: Any, form: Callable[..., Any]) -> None:
        assert shop.post(SESSIONS, form(), key="k" * 256)[0] == 400

    def test_survives_a_restart(self, shop: Any, form: Callable[..., Any]) -> None:
        first = shop.post(SESSIONS, form(), key="k")[1]
        assert shop.reopened().post(SESSIONS, form(), key="k")[1] == first


class TestFaults:
    def test_500_is_kept_and_does_nothing(self, shop: Any, form: Callable[..., Any]) -> None:
        shop.control("/_simulator/next", {"what": "error_500"})
        assert shop.post(SESSIONS, form(), key="k")[0] == 500
        assert shop.post(SESSIONS, form(), key="k")[0] == 500
        assert shop.get(SESSIONS)[1]["data"] == []
        assert shop.post(SESSIONS, form(), key="k2")[0] == 200

    def test_500_after_the_charge_hides_an_effect(
        self, shop: Any, form: Callable[..., Any]
    ) -> None:
        shop.control("/_simulator/next", {"what": "error_500_after_charge"})
        status, body = shop.post(SESSIONS, form(), key="k")
        assert (status, body["error"]["type"]) == (500, "api_error")
        assert len(shop.get(SESSIONS)[1]["data"]) == 1

    def test_429_is_not_kept(self, shop: Any, form: Callable[..., Any]) -> None:
        shop.control("/_simulator/next", {"what": "rate_limited"})
        status, body = shop.post(SESSIONS, form(), key="k")
        assert (status, body["error"]["code"]) == (429, "rate_limit")
        assert shop.post(SESSIONS, form(), key="k")[0] == 200

    def test_a_timeout_after_the_charge_keeps_the_answer(
        self, shop: Any, form: Callable[..., Any]
    ) -> None:
        shop.control("/_simulator/next", {"what": "timeout_after_charge"})
        reply = shop.send("POST", SESSIONS, urlencode(form()).encode(), idempotency_key="k")
        assert reply.fate.hangs
        assert (
            shop.post(SESSIONS, form(), key="k")[1]["id"] == shop.get(SESSIONS)[1]["data"][0]["id"]
        )

    def test_a_timeout_does_nothing(self, shop: Any, form: Callable[..., Any]) -> None:
        shop.control("/_simulator/next", {"what": "timeout"})
        assert shop.send(
            "POST", SESSIONS, urlencode(form()).encode(), idempotency_key="k"
        ).fate.hangs
        assert shop.get(SESSIONS)[1]["data"] == []
        assert shop.post(SESSIONS, form(), key="k")[0] == 200

    def test_strike_a_read_only_when_it_is_named(self, shop: Any) -> None:
        shop.control("/_simulator/next", {"what": "error_500"})
        assert shop.get(SESSIONS)[0] == 200
        shop.control("/_simulator/next", {"what": "error_500", "match": "checkout.session.list"})
        assert [shop.get(SESSIONS)[0], shop.get(SESSIONS)[0]] == [500, 200]

    @pytest.mark.parametrize(
        ("what", "states"),
        [
            ("lost_webhook", {"lost": 1, "owed": 2}),
            ("double_webhook", {"lost": 0, "owed": 4}),
            ("late_webhook", {"lost": 0, "owed": 3}),
        ],
    )
    def test_of_webhooks_leave_the_list_of_events_whole(
        self, shop: Any, what: str, states: dict[str, int]
    ) -> None:
        shop.control("/_simulator/next", {"what": what, "match": "checkout.session.completed"})
        shop.pay(shop.session()["id"])
        webhooks = shop.get("/_simulator/health")[1]["webhooks"]
        assert {name: webhooks[name] for name in states} == states
        assert len(shop.events()) == 3
