"""Parameters are read strictly and refused with Stripe's codes, naming the parameter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

PRICE = "line_items[0][price_data]"
BAD = [
    ({"mode": None}, "parameter_missing", "mode"),
    ({"success_url": None}, "parameter_missing", "success_url"),
    ({f"{PRICE}[currency]": None}, "parameter_missing", f"{PRICE}[currency]"),
    ({"line_items[0][quantity]": None}, "parameter_missing", "line_items[0][quantity]"),
    ({"colour": "blue"}, "parameter_unknown", "colour"),
    ({f"{PRICE}[colour]": "blue"}, "parameter_unknown", f"{PRICE}[colour]"),
    ({"discounts[0][coupon]": "x"}, "parameter_unknown", "discounts"),
    ({f"{PRICE}[unit_amount]": "15.00"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
    ({f"{PRICE}[unit_amount]": "-5"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
    ({f"{PRICE}[unit_amount]": "1e3"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
    ({f"{PRICE}[unit_amount]": "٣٠٠"}, "parameter_invalid_integer", f"{PRICE}[unit_amount]"),
    ({f"{PRICE}[unit_amount]": "100000000"}, "amount_too_large", f"{PRICE}[unit_amount]"),
    ({f"{PRICE}[unit_amount]": "0"}, "amount_too_small", "line_items"),
    ({"line_items[0][quantity]": "1000"}, "amount_too_large", "line_items"),
    ({f"{PRICE}[currency]": "zzz"}, None, f"{PRICE}[currency]"),
    ({"currency": "usd"}, None, "line_items"),
    ({"mode": "subscription"}, None, "mode"),
    ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
    ({"success_url": "https://"}, "url_invalid", "success_url"),
    ({"cancel_url": "//shop.example"}, "url_invalid", "cancel_url"),
    ({"cancel_url": "https://[bad/"}, "url_invalid", "cancel_url"),
    ({"cancel_url": ""}, "parameter_invalid_empty", "cancel_url"),
    ({"customer_email": "nobody"}, "email_invalid", "customer_email"),
    ({"client_reference_id": "x" * 201}, None, "client_reference_id"),
    ({f"metadata[{'k' * 41}]": "v"}, None, f"metadata[{'k' * 41}]"),
    ({"metadata[k]": "v" * 501}, None, "metadata[k]"),
    ({"metadata": "text"}, None, "metadata"),
    ({f"metadata[k{n}]": "v" for n in range(51)}, None, "metadata"),
    ({"line_items[2][quantity]": "1"}, None, "line_items"),
    ({"line_items": "1", PRICE: None}, None, "line_items"),
    ({"expires_at": "1800001799"}, None, "expires_at"),
    ({"expires_at": "1800086401"}, None, "expires_at"),
    ({"payment_method_types[0]": "ideal"}, None, "payment_method_types[0]"),
    ({"expand[0]": "colour"}, None, "expand[0]"),
]


class TestCheckoutSession:
    @pytest.mark.parametrize(("change", "reason", "param"), BAD)
    def test_refuses_and_keeps_nothing(
        self,
        shop: Any,
        form: Callable[..., dict[str, object]],
        change: dict[str, str | None],
        reason: str | None,
        param: str,
    ) -> None:
        removed = {name for name, value in change.items() if value is None}
        bare = change.get("line_items") is not None
        asked = {
            name: value
            for name, value in {**form(), **change}.items()
            if name not in removed and not (bare and name.startswith("line_items["))
        }
        status, body = shop.post("/v1/checkout/sessions", asked, key="k")
        assert (status, body["error"]["type"]) == (400, "invalid_request_error")
        assert (body["error"].get("code"), body["error"]["param"]) == (reason, param)
        assert shop.get("/v1/checkout/sessions")[1]["data"] == []
        # A failed validation is not kept: the key is free for the mended request.
        assert shop.post("/v1/checkout/sessions", form(), key="k")[0] == 200

    def test_takes_everything_that_it_acts_on(self, shop: Any) -> None:
        more = {
            "client_reference_id": "pay_1",
            "currency": "KES",
            "customer_email": "amina@example.org",
            "expires_at": 1_800_001_800,
            "metadata[payment]": "pay_1",
            "payment_intent_data[metadata][payment]": "pay_1",
            "payment_intent_data[description]": "Top up",
            "payment_method_types[0]": "card",
            "submit_type": "pay",
        }
        session = shop.session(**more)
        assert session["metadata"] == {"payment": "pay_1"}
        assert session["expires_at"] == 1_800_001_800
        shop.pay(session["id"])
        intent = shop.get(f"/v1/checkout/sessions/{session['id']}?expand[0]=payment_intent")[1]
        assert intent["payment_intent"]["metadata"] == {"payment": "pay_1"}
        assert intent["payment_intent"]["description"] == "Top up"
