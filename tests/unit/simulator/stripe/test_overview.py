"""The overview shows what happened, escaped, and every button is an order that is taken."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

BUTTON = re.compile(
    r'<button[^>]* data-method="(\w+)" data-path="([^"]+)" data-order="([^"]*)">([^<]+)<'
)


def buttons(shop: Any) -> dict[str, tuple[str, str, Any]]:
    text = shop.send("GET", "/_simulator").body.decode()
    return {
        label: (method, path, json.loads(html.unescape(order)))
        for method, path, order, label in BUTTON.findall(text)
    }


def press(shop: Any, label: str) -> None:
    method, path, order = buttons(shop)[label]
    body = json.dumps(order).encode() if method == "POST" else b""
    assert shop.send(method, path, body, content_type="application/json").status == 200


class TestOverview:
    def test_lets_nothing_in_from_elsewhere(self, shop: Any) -> None:
        reply = shop.send("GET", "/_simulator")
        assert reply.status == 200
        assert b"Nothing yet." in reply.body
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    def test_has_a_button_for_each_fact_to_come(self, shop: Any) -> None:
        session = shop.session()["id"]
        assert f'href="/c/pay/{session}"' in shop.send("GET", "/_simulator").body.decode()
        charge = shop.pay(session)["charge"]
        shop.control("/_simulator/next", {"what": "pending_refund"})
        press(shop, "Refund")
        press(shop, "Failed")
        press(shop, "Dispute")
        press(shop, "Won")
        assert shop.events()[:2] == [
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]
        assert shop.get(f"/v1/charges/{charge}")[1]["disputed"]
        assert not {"Refund", "Dispute", "Won", "Lost"} & set(buttons(shop))

    def test_ends_what_it_began(self, shop: Any) -> None:
        press(shop, "Begin an outage")
        assert shop.get("/v1/charges")[0] == 503
        assert b"down: 503" in shop.send("GET", "/_simulator").body
        press(shop, "End the outage")
        assert shop.get("/v1/charges")[0] == 200
        press(shop, "A day later")
        assert b"86,400 s ahead" in shop.send("GET", "/_simulator").body
        shop.control("/_simulator/next", {"what": "kill"})
        press(shop, "Forget the faults")
        assert shop.get("/_simulator/next")[1]["waiting"] == []

    def test_escapes_what_others_wrote(self, shop: Any) -> None:
        charge = shop.pay(shop.session()["id"])["charge"]
        shop.control("/_simulator/stripe/disputes", {"charge": charge, "reason": "<b>bold</b>"})
        text = shop.send("GET", "/_simulator").body.decode()
        assert "&lt;b&gt;bold" in text
        assert "<b>bold" not in text

    @pytest.mark.parametrize("name", ["overview.css", "overview.js"])
    def test_serves_its_own_files(self, shop: Any, name: str) -> None:
        assert shop.send("GET", f"/c/assets/{name}").status == 200
