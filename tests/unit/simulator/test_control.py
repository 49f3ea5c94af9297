"""The control API says what it did not understand and shows everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest


class TestHealth:
    def test_counts_what_is_owed(self, shop: Any) -> None:
        shop.pay(shop.session()["id"])
        status, health = shop.get("/_simulator/health")
        assert (status, health["status"], health["providers"]) == (200, "ok", ["stripe"])
        assert health["webhooks"]["owed"] == 3


class TestJournal:
    def test_pages_through_every_operation(self, shop: Any) -> None:
        session = shop.session()
        shop.pay(session["id"])
        status, first = shop.get("/_simulator/journal?limit=1")
        assert (status, first["has_more"], first["last"]) == (200, True, 1)
        assert first["entries"][0]["operation"] == "checkout.session.create"
        _, rest = shop.get("/_simulator/journal?after=1")
        assert (rest["has_more"], [e["operation"] for e in rest["entries"]]) == (
            False,
            ["checkout.pay"],
        )

    @pytest.mark.parametrize(
        "query", ["after=-1", "limit=0", "limit=1001", "limit=x", "after=٣", "%"]
    )
    def test_refuses_other_pages(self, shop: Any, query: str) -> None:
        assert shop.get(f"/_simulator/journal?{query}")[0] == 400

    def test_never_holds_a_card_number(self, shop: Any) -> None:
        for card in ("4242 4242 4242 4242", "4000-0000-0000-0002", "4111111111111111"):
            shop.pay(shop.session()["id"], card)
        text = json.dumps(shop.get("/_simulator/journal")[1])
        digits = text.replace(" ", "").replace("-", "")
        assert not [n for n in ("42424242", "40000000", "41111111") if n in digits]


class TestNext:
    def test_queues_shows_and_clears(self, shop: Any) -> None:
        assert shop.control("/_simulator/next", {"what": "error_500", "times": 2})[0] == 200
        assert len(shop.get("/_simulator/next")[1]["waiting"]) == 2
        assert shop.send("DELETE", "/_simulator/next").status == 200
        assert shop.get("/_simulator/next")[1]["waiting"] == []

    @pytest.mark.parametrize("order", [{"what": "explode"}, [], "error_500", None])
    def test_refuses_another_order(self, shop: Any, order: object) -> None:
        status, body = shop.control("/_simulator/next", order)
        assert (status, bool(body["error"]["message"])) == (400, True)

    def test_takes_no_form_that_a_web_page_could_send(self, shop: Any) -> None:
        reply = shop.send("POST", "/_simulator/next", b'{"what":"kill"}', content_type="text/plain")
        assert reply.status == 400
        assert shop.get("/_simulator/next")[1]["waiting"] == []


class TestPay:
    def test_pays_without_a_browser(self, shop: Any) -> None:
        session = shop.session()
        assert shop.pay(session["id"])["outcome"] == "paid"
        assert shop.pay(session["id"])["outcome"] == "already_paid"

    def test_leaves_3d_secure_open_on_request(self, shop: Any) -> None:
        session, card = shop.session()["id"], "4000002500003155"
        assert shop.pay(session, card, authenticate=None)["outcome"] == "requires_action"
        assert shop.pay(session, card, authenticate=False)["outcome"] == "declined"
        assert shop.pay(session, card, authenticate=True)["outcome"] == "paid"

    @pytest.mark.parametrize(
        ("order", "status"),
        [
            ({}, 400),
            ({"session": "cs_test_none", "card": "4242424242424242"}, 404),
            ({"session": 1, "card": "4242424242424242"}, 400),
            ({"session": "SESSION", "card": "4242424242424241"}, 400),
            ({"session": "SESSION", "card": "4242"}, 400),
            ({"session": "SESSION", "card": "4242424242424242", "authenticate": "yes"}, 400),
            ({"session": "SESSION", "card": "4242424242424242", "amount": 1}, 400),
        ],
    )
    def test_refuses_another_order(self, shop: Any, order: dict[str, Any], status: int) -> None:
        session = shop.session()["id"]
        if order.get("session") == "SESSION":
            order = {**order, "session": session}
        assert shop.control("/_simulator/pay", order)[0] == status
        assert shop.get(f"/v1/checkout/sessions/{session}")[1]["status"] == "open"
        assert shop.events() == []


class TestOutage:
    @pytest.mark.parametrize(
        "order",
        [
            {"answer": 200},
            {"answer": True},
            {"answer": 503.0},
            {"every": 0},
            {"every": True},
            {"retry_after_s": -1},
            {"whatever": 1},
            [],
        ],
    )
    def test_is_refused_when_it_is_not_understood(self, shop: Any, order: object) -> None:
        assert shop.control("/_simulator/outage", order)[0] == 400
        assert shop.get("/_simulator/outage")[1] == {"outage": None}

    def test_is_forgotten_by_a_restart(self, shop: Any) -> None:
        shop.control("/_simulator/outage", {})
        assert shop.get("/v1/charges")[0] == 503
        assert shop.get("/_simulator/health")[1]["is_out"]
        assert shop.reopened().get("/v1/charges")[0] == 200


class TestClock:
    @pytest.mark.parametrize(
        "order",
        [{}, {"advance_s": -1}, {"advance_s": "1"}, {"advance_s": True}, {"advance_s": 1, "x": 1}],
    )
    def test_never_goes_back(self, shop: Any, order: object) -> None:
        assert shop.control("/_simulator/clock", order)[0] == 400
        assert shop.get("/_simulator/clock")[1] == {"now": 1_800_000_000, "ahead_s": 0}

    def test_adds_up_and_is_kept(self, shop: Any) -> None:
        shop.control("/_simulator/clock", {"advance_s": 10})
        assert shop.control("/_simulator/clock", {"advance_s": 5})[1]["ahead_s"] == 15
        assert shop.reopened().get("/_simulator/clock")[1]["now"] == 1_800_000_015

    def test_goes_back_to_the_real_time_also_across_a_restart(self, shop):
        shop.control("/_simulator/clock", {"advance_s": 86_400})
        told = json.loads(shop.send("DELETE", "/_simulator/clock").body)
        assert told == {"now": 1_800_000_000, "ahead_s": 0}
        assert shop.reopened().get("/_simulator/clock")[1]["ahead_s"] == 0


class TestKillCaller:
    """Without the network nobody's own process is behind a request: every order is a stranger's."""

    def test_is_taken_from_the_own_machine_alone(self, shop: Any) -> None:
        order = {"what": "kill_caller", "pid": 4_194_300}
        assert shop.control("/_simulator/next", order)[0] == 400
        assert shop.get("/_simulator/next")[1]["waiting"] == []
