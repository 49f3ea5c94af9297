"""The payment page: escaped, closed to scripts of others, and without a trace of the card."""

from __future__ import annotations

from typing import Any

import pytest


def page(shop: Any, path: str) -> tuple[int, str, dict[str, str]]:
    reply = shop.send("GET", path)
    return reply.status, reply.body.decode(), dict(reply.headers)


def submit(shop: Any, session: str, number: str, where: str = "") -> Any:
    return shop.send("POST", f"/c/pay/{session}{where}", f"number={number}&expiry=&cvc=".encode())


class TestShow:
    def test_shows_what_is_paid_and_to_whom(self, shop: Any) -> None:
        status, text, headers = page(shop, f"/c/pay/{shop.session()['id']}")
        assert status == 200
        assert text.count("KES 1,500.00") >= 3
        assert "Top up &lt;your&gt; wallet" in text
        assert 'href="https://shop.example/basket"' in text
        assert headers["Cache-Control"] == "no-store"

    def test_lets_nothing_in_from_elsewhere(self, shop: Any) -> None:
        _, text, headers = page(shop, f"/c/pay/{shop.session()['id']}")
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "form-action 'self' https://shop.example;" in policy
        assert not [word for word in ("<style", "style=", "onclick", "<script>") if word in text]

    def test_fills_a_test_card_in_without_a_script(self, shop: Any) -> None:
        session = shop.session()["id"]
        assert 'value="4000 0000 0000 0002"' in page(shop, f"/c/pay/{session}?card=declined")[1]
        assert 'value=""' in page(shop, f"/c/pay/{session}?card=%22%3E%3Cb%3E")[1]

    @pytest.mark.parametrize("name", ["checkout.css", "checkout.js", "icon.svg"])
    def test_serves_its_own_files(self, shop: Any, name: str) -> None:
        reply = shop.send("GET", f"/c/assets/{name}")
        assert (reply.status, reply.headers["X-Content-Type-Options"]) == (200, "nosniff")

    @pytest.mark.parametrize(
        "path", ["/c/pay/cs_none", "/c/pay/cs_none/authenticate", "/c/assets/frame.html"]
    )
    def test_says_what_is_not_there(self, shop: Any, path: str) -> None:
        status, text, _ = page(shop, path)
        assert (status, "does not exist" in text) == (404, True)


class TestPay:
    def test_leads_back_to_the_merchant(self, shop: Any) -> None:
        session = shop.session()["id"]
        reply = submit(shop, session, "4242424242424242")
        assert reply.status == 303
        assert reply.headers["Location"] == f"https://shop.example/paid?session={session}"

    def test_pays_once_when_it_is_sent_twice(self, shop: Any) -> None:
        session = shop.session()["id"]
        replies = [submit(shop, session, "4242424242424242") for _ in range(2)]
        assert replies[0].headers["Location"] == replies[1].headers["Location"]
        assert shop.events().count("charge.succeeded") == 1

    def test_says_why_a_card_was_declined_and_asks_for_another(self, shop: Any) -> None:
        session = shop.session()["id"]
        location = submit(shop, session, "4000000000009995").headers["Location"]
        status, text, _ = page(shop, location)
        assert (status, "Your card has insufficient funds." in text) == (200, True)
        assert submit(shop, session, "4242424242424242").headers["Location"].startswith("https")

    @pytest.mark.parametrize("number", ["", "4242", "4242424242424241", "%3Cscript%3E"])
    def test_asks_no_bank_about_what_is_no_number(self, shop: Any, number: str) -> None:
        session = shop.session()["id"]
        reply = submit(shop, session, number)
        assert (reply.status, b"Your card number is" in reply.body) == (422, True)
        assert b"4242424242424241" not in reply.body
        assert shop.events() == []

    def test_asks_the_bank_for_3d_secure(self, shop: Any) -> None:
        session = shop.session()["id"]
        location = submit(shop, session, "4000002500003155").headers["Location"]
        assert location == f"/c/pay/{session}/authenticate"
        assert "Complete authentication" in page(shop, location)[1]
        failed = shop.send("POST", location, b"answer=fail")
        assert "unable to authenticate" in page(shop, failed.headers["Location"])[1]
        submit(shop, session, "4000002500003155")
        done = shop.send("POST", location, b"answer=complete")
        assert done.headers["Location"].startswith("https://shop.example/paid")

    def test_does_not_authenticate_what_waits_for_nothing(self, shop: Any) -> None:
        session = shop.session()["id"]
        reply = shop.send("POST", f"/c/pay/{session}/authenticate", b"answer=complete")
        assert reply.headers["Location"] == f"/c/pay/{session}"
        assert shop.events() == []


class TestClosed:
    def test_a_paid_session_says_so(self, shop: Any) -> None:
        session = shop.session()["id"]
        shop.pay(session)
        status, text, _ = page(shop, f"/c/pay/{session}")
        assert (status, "all done" in text) == (200, True)

    def test_an_expired_session_leads_back(self, shop: Any) -> None:
        session = shop.session()["id"]
        shop.clock.now += 86_400
        reply = submit(shop, session, "4242424242424242")
        assert (reply.status, b"expired" in reply.body) == (410, True)
        assert page(shop, f"/c/pay/{session}")[0] == 410
