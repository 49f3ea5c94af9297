"""Money at the simulated provider: paid once, refunded at most once, expired in time."""

from __future__ import annotations

from typing import Any

import pytest


class TestPay:
    def test_completes_the_session_and_tells_of_it(self, shop: Any) -> None:
        session = shop.session()
        assert (session["status"], session["payment_intent"]) == ("open", None)
        outcome = shop.pay(session["id"])
        paid = shop.get(f"/v1/checkout/sessions/{session['id']}")[1]
        assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
        intent = shop.get(f"/v1/payment_intents/{outcome['payment_intent']}")[1]
        assert (intent["status"], intent["amount_received"]) == ("succeeded", 150_000)
        charge = shop.get(f"/v1/charges/{outcome['charge']}")[1]
        assert (charge["paid"], charge["payment_method_details"]["card"]["last4"]) == (True, "4242")
        entry = shop.get(f"/v1/balance_transactions/{charge['balance_transaction']}")[1]
        assert (entry["amount"], entry["fee"], entry["net"]) == (150_000, 4_380, 145_620)
        assert shop.events() == [
            "checkout.session.completed",
            "payment_intent.succeeded",
            "charge.succeeded",
        ]

    def test_takes_another_card_after_a_declined_one(self, shop: Any) -> None:
        session = shop.session()
        declined = shop.pay(session["id"], "4000000000000002")
        assert (declined["outcome"], declined["decline_code"]) == ("declined", "generic_decline")
        assert declined["message"] == "Your card was declined."
        held = shop.get(f"/v1/checkout/sessions/{session['id']}")[1]
        assert (held["status"], held["payment_status"]) == ("open", "unpaid")
        intent = shop.get(f"/v1/payment_intents/{declined['payment_intent']}")[1]
        assert intent["status"] == "requires_payment_method"
        assert intent["last_payment_error"]["decline_code"] == "generic_decline"
        paid = shop.pay(session["id"])
        assert paid["payment_intent"] == declined["payment_intent"]
        assert shop.events().count("payment_intent.payment_failed") == 1

    def test_pays_once_however_often_it_is_asked(self, shop: Any) -> None:
        session = shop.session()
        outcomes = [shop.pay(session["id"])["outcome"] for _ in range(5)]
        assert outcomes == ["paid", *["already_paid"] * 4]
        assert shop.events().count("charge.succeeded") == 1

    def test_changes_nothing_for_an_expired_session(self, shop: Any) -> None:
        session = shop.session()
        shop.post(f"/v1/checkout/sessions/{session['id']}/expire")
        assert shop.pay(session["id"])["outcome"] == "expired"
        assert shop.events() == ["checkout.session.expired"]


class TestExpiry:
    def test_comes_with_time(self, shop: Any) -> None:
        session = shop.session(expires_at=int(shop.clock()) + 1_800)
        shop.clock.now += 1_799
        shop.simulator.stripe.look_after()
        assert shop.get(f"/v1/checkout/sessions/{session['id']}")[1]["status"] == "open"
        shop.clock.now += 1
        shop.simulator.stripe.look_after()
        assert shop.get(f"/v1/checkout/sessions/{session['id']}")[1]["status"] == "expired"
        assert shop.events() == ["checkout.session.expired"]

    def test_is_decided_before_a_late_payment(self, shop: Any) -> None:
        session = shop.session()
        shop.clock.now += 86_400
        assert shop.pay(session["id"])["outcome"] == "expired"

    def test_cancels_the_attempt_that_was_begun(self, shop: Any) -> None:
        session = shop.session()
        intent = shop.pay(session["id"], "4000000000000002")["payment_intent"]
        shop.post(f"/v1/checkout/sessions/{session['id']}/expire")
        assert shop.get(f"/v1/payment_intents/{intent}")[1]["status"] == "canceled"

    def test_is_refused_for_a_session_that_is_not_open(self, shop: Any) -> None:
        session = shop.session()
        shop.pay(session["id"])
        status, body = shop.post(f"/v1/checkout/sessions/{session['id']}/expire")
        assert (status, "complete" in body["error"]["message"]) == (400, True)
        assert shop.post("/v1/checkout/sessions/cs_test_none/expire")[0] == 404


class TestRefund:
    def test_returns_all_that_is_left(self, shop: Any) -> None:
        paid = shop.pay(shop.session()["id"])
        status, refund = shop.post("/v1/refunds", {"payment_intent": paid["payment_intent"]})
        assert (status, refund["amount"], refund["status"]) == (200, 150_000, "succeeded")
        charge = shop.get(f"/v1/charges/{paid['charge']}?expand[]=refunds")[1]
        assert (charge["refunded"], charge["amount_refunded"]) == (True, 150_000)
        assert [one["id"] for one in charge["refunds"]["data"]] == [refund["id"]]
        event = shop.get("/v1/events?type=charge.refunded")[1]["data"][0]
        assert event["data"]["previous_attributes"] == {"amount_refunded": 0, "refunded": False}
        entry = shop.get(f"/v1/balance_transactions/{refund['balance_transaction']}")[1]
        assert (entry["amount"], entry["fee"]) == (-150_000, 0)

    def test_never_exceeds_what_was_paid(self, shop: Any) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        assert shop.post("/v1/refunds", {"charge": charge, "amount": 100_000})[0] == 200
        status, body = shop.post("/v1/refunds", {"charge": charge, "amount": 50_001})
        assert (status, body["error"]["param"]) == (400, "amount")
        assert "KES 500.00" in body["error"]["message"]
        assert shop.post("/v1/refunds", {"charge": charge, "amount": 50_000})[0] == 200
        status, body = shop.post("/v1/refunds", {"charge": charge})
        assert (status, body["error"]["code"]) == (400, "charge_already_refunded")
        refunds = shop.get(f"/v1/refunds?charge={charge}")[1]["data"]
        assert sum(refund["amount"] for refund in refunds) == 150_000

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({}, 400),
            ({"charge": "ch_none"}, 404),
            ({"payment_intent": "pi_none"}, 404),
            ({"charge": "ch_1", "payment_intent": "pi_1"}, 400),
            ({"charge": "DECLINED"}, 400),
            ({"charge": "DECLINED", "amount": "0"}, 400),
        ],
    )
    def test_refuses_what_cannot_be_refunded(
        self, shop: Any, asked: dict[str, str], status: int
    ) -> None:
        declined = shop.pay(shop.session()["id"], "4000000000000002")["charge"]
        asked = {name: declined if text == "DECLINED" else text for name, text in asked.items()}
        assert shop.post("/v1/refunds", asked)[0] == status
        assert shop.get("/v1/refunds")[1]["data"] == []


class TestRestart:
    def test_keeps_everything(self, shop: Any) -> None:
        session = shop.session()
        paid = shop.pay(session["id"])
        shop.post("/v1/refunds", {"charge": paid["charge"], "amount": 100}, key="refund")
        before = [
            shop.get(path)[1]
            for path in (
                f"/v1/checkout/sessions/{session['id']}",
                f"/v1/charges/{paid['charge']}?expand[0]=balance_transaction",
                "/v1/events",
                "/v1/refunds",
            )
        ]
        shop.reopened()
        after = [
            shop.get(path)[1]
            for path in (
                f"/v1/checkout/sessions/{session['id']}",
                f"/v1/charges/{paid['charge']}?expand[0]=balance_transaction",
                "/v1/events",
                "/v1/refunds",
            )
        ]
        assert after == before
        assert shop.get("/_simulator/health")[1]["webhooks"]["owed"] == 5
        shop.post("/v1/refunds", {"charge": paid["charge"], "amount": 100}, key="refund")
        assert len(shop.get("/v1/refunds")[1]["data"]) == 1
