"""The dashboard refuses what cannot have happened, and then nothing has."""

from __future__ import annotations

from typing import Any

import pytest


def named(asked: dict[str, Any], charge: str) -> dict[str, Any]:
    return {name: charge if value == "CHARGE" else value for name, value in asked.items()}


class TestRefunds:
    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({"charge": 1}, 400),
            ({"charge": "ch_none"}, 404),
            ({"charge": "CHARGE", "payment_intent": "pi_none"}, 400),
            ({"charge": "CHARGE", "amount": 0}, 400),
            ({"charge": "CHARGE", "amount": True}, 400),
            ({"charge": "CHARGE", "amount": 150_001}, 400),
            ({"charge": "CHARGE", "colour": "blue"}, 400),
            ({"charge": "CHARGE", "metadata": {"a": 1}}, 400),
            ({}, 400),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, shop: Any, asked: dict[str, Any], status: int
    ) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        assert shop.control("/_simulator/stripe/refunds", named(asked, charge))[0] == status
        assert shop.get("/v1/refunds")[1]["data"] == []

    @pytest.mark.parametrize(
        "asked", [{}, {"status": "pending"}, {"status": "failed", "x": 1}, {"status": 1}]
    )
    def test_end_in_no_other_way(self, shop: Any, asked: dict[str, Any]) -> None:
        shop.control("/_simulator/next", {"what": "pending_refund"})
        charge = shop.pay(shop.session()["id"])["charge"]
        refund = shop.post("/v1/refunds", {"charge": charge})[1]["id"]
        assert shop.control(f"/_simulator/stripe/refunds/{refund}", asked)[0] == 400
        assert shop.get(f"/v1/refunds/{refund}")[1]["status"] == "pending"

    def test_that_failed_stay_failed(self, shop: Any) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        refund = shop.post("/v1/refunds", {"charge": charge, "amount": 7})[1]["id"]
        path = f"/_simulator/stripe/refunds/{refund}"
        asked = {"status": "failed", "failure_reason": "lost_or_stolen_card"}
        status, failed = shop.control(path, asked)
        assert (status, failed["failure_reason"]) == (200, "lost_or_stolen_card")
        for end in ("failed", "succeeded"):
            assert shop.control(path, {"status": end})[0] == 400
        assert shop.get(f"/v1/charges/{charge}")[1]["amount_refunded"] == 0
        assert shop.control("/_simulator/stripe/refunds/re_none", asked)[0] == 404

    def test_that_are_due_are_settled_once_also_after_a_restart(self, shop: Any) -> None:
        order = {"what": "pending_refund", "status": "failed", "after_s": 60}
        shop.control("/_simulator/next", order)
        charge = shop.pay(shop.session()["id"])["charge"]
        refund = shop.post("/v1/refunds", {"charge": charge})[1]["id"]
        shop.reopened()
        shop.simulator.stripe.look_after()
        assert shop.get(f"/v1/refunds/{refund}")[1]["status"] == "pending"
        shop.clock.now += 60
        for _ in range(2):
            shop.simulator.stripe.look_after()
        assert shop.get(f"/v1/refunds/{refund}")[1]["status"] == "failed"
        assert shop.events().count("refund.failed") == 1


class TestDisputes:
    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({"charge": "ch_none"}, 404),
            ({"charge": "CHARGE", "amount": 150_001}, 400),
            ({"charge": "CHARGE", "fee": -1}, 400),
            ({"charge": "CHARGE", "status": "won"}, 400),
            ({}, 400),
        ],
    )
    def test_that_cannot_be_are_refused(
        self, shop: Any, asked: dict[str, Any], status: int
    ) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        assert shop.control("/_simulator/stripe/disputes", named(asked, charge))[0] == status
        assert shop.get("/v1/disputes")[1]["data"] == []
        assert not shop.get(f"/v1/charges/{charge}")[1]["disputed"]


class TestEvents:
    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({"type": "charge.succeeded"}, 400),
            ({"object": "CHARGE"}, 400),
            ({"type": "charge.succeeded", "object": "ch_none"}, 404),
            ({"type": "charge.succeeded", "object": "zz_none"}, 400),
            ({"type": "charge.succeeded", "object": "CHARGE", "livemode": "yes"}, 400),
            ({"type": "charge.succeeded", "object": "CHARGE", "account": ""}, 400),
        ],
    )
    def test_are_refused_when_they_are_not_understood(
        self, shop: Any, asked: dict[str, Any], status: int
    ) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        assert shop.control("/_simulator/stripe/events", named(asked, charge))[0] == status
        assert shop.get("/_simulator/health")[1]["webhooks"]["owed"] == 3

    def test_take_json_alone(self, shop: Any) -> None:
        path = "/_simulator/stripe/events"
        assert shop.send("POST", path, b"{}", content_type="text/plain").status == 400
