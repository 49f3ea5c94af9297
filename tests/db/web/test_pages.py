"""Overview, top-up, payment and letters, through the pages themselves."""

from __future__ import annotations

import re
import threading
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import override_settings

from tallystick import ids, ledger

KEY = "01900000-0000-7000-8000-000000000001"


def top_up(browser, amount: str = "1500", key: str = KEY):
    return browser.post("/top-up", {"amount": amount, "key": key})


def path_of(answer) -> str:
    return str(answer["Location"]).partition("?")[0]


def kes(minor: int):
    from tallystick.money import Currency, Money  # noqa: PLC0415 - short

    return Money(minor, Currency("KES"))


class TestTopUp:
    def test_makes_a_payment_and_goes_to_its_page(self, site, sign_up):
        browser = sign_up()
        answer = top_up(browser)
        assert answer.status_code == 302
        assert re.fullmatch(r"/payments/pay_[0-9a-z]{26}\?go=1", answer["Location"])
        assert "KES\xa01,500.00" in browser.get(path_of(answer)).content.decode()

    def test_sent_twice_makes_one_payment(self, site, sign_up):
        browser = sign_up()
        assert path_of(top_up(browser)) == path_of(top_up(browser))
        assert site.count("tallystick.payment") == 1

    def test_sent_ten_times_at_once_makes_one_payment(self, site, sign_up):
        cookies = sign_up().cookies
        gate = threading.Barrier(10)
        places: list[str] = []

        def click():
            browser = site.browser()
            browser.cookies = cookies
            gate.wait()
            places.append(path_of(top_up(browser)))
            connection.close()

        threads = [threading.Thread(target=click) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(places) == 10
        assert len(set(places)) == site.count("tallystick.payment") == 1

    def test_sent_again_with_another_amount_is_looked_at_again(self, site, sign_up):
        browser = sign_up()
        top_up(browser)
        answer = top_up(browser, amount="2500")
        assert answer.status_code == 422
        assert b"sent before, with another amount" in answer.content
        fresh = re.search(rb'name="key" value="([^"]+)"', answer.content)
        assert fresh is not None
        assert fresh[1].decode() != KEY
        assert site.count("tallystick.payment") == 1

    @pytest.mark.parametrize(
        ("amount", "said"),
        [
            ("0", "above 0"),
            ("-5", "above 0"),
            ("99.99", "The least amount is KES 100.00"),
            ("1000000", "The greatest amount is KES 999,999.99"),
            ("1.005", "2 decimals at most"),
            ("9" * 16, "at most"),
            ("all", "in digits"),
            ("", "Type an amount"),
        ],
    )
    def test_refuses_and_books_nothing(self, site, sign_up, amount, said):
        answer = top_up(sign_up(), amount=amount)
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert site.count("tallystick.payment") == site.count("tallystick.transfer") == 0

    def test_needs_its_number(self, site, sign_up):
        answer = top_up(sign_up(), key="")
        assert answer.status_code == 422
        assert b"has lost its number" in answer.content

    def test_says_so_where_no_provider_is_set_up(self, site, sign_up):
        from tallystick.web.house import house  # noqa: PLC0415 - Django has to stand first

        browser = sign_up()
        bare = settings.TALLYSTICK.model_copy(update={"stripe_secret_key": None})
        with override_settings(TALLYSTICK=bare):
            house.cache_clear()
            assert b"No way to pay is set up" in browser.get("/top-up").content

    @pytest.mark.parametrize(("code", "is_taken"), [("BHD", False), ("JPY", True)])
    def test_says_so_where_no_provider_takes_the_currency(self, site, sign_up, code, is_taken):
        ours = settings.TALLYSTICK.model_copy(update={"default_currency": code})
        with override_settings(TALLYSTICK=ours):
            page = sign_up().get("/top-up").content.decode()
        assert ("How much?" in page) is is_taken
        said = f"{code}, the currency of your wallet, is not taken by Stripe."
        assert (said in page) is not is_taken

    def test_is_for_people_who_are_signed_in(self, site):
        answer = top_up(site.browser())
        assert answer["Location"] == "/sign-in?next=/top-up"


class TestPayment:
    def test_tells_its_way_from_asked_to_booked(self, site, sign_up, provider):
        browser = sign_up()
        path = path_of(top_up(browser))
        assert b"Getting your payment page ready" in browser.get(path).content
        provider.accept(path)
        page = browser.get(path).content
        assert b"https://checkout.example/cs_1" in page
        assert b"came back without paying" in browser.get(f"{path}?back=cancel").content
        assert b"Waiting for Stripe to confirm" in browser.get(f"{path}?back=success").content
        provider.decline(path)
        page = browser.get(f"{path}?back=cancel").content
        assert b"The card was declined." in page
        assert b"Try another card" in page
        assert site.count("tallystick.transfer") == 0
        provider.pay(path, kes(150_000))
        page = browser.get(path).content
        assert b"The money is in your wallet" in page
        assert b"data-live" not in page

    def test_stays_fresh_until_it_moves_no_more(self, site, sign_up, provider):
        browser = sign_up()
        path = path_of(top_up(browser))
        live = re.search(rb'hx-get="([^"]+)"', browser.get(path).content)
        assert live is not None
        fragment = live[1].decode().replace("&amp;", "&")
        assert browser.get(fragment).status_code == 204
        provider.accept(path)
        answer = browser.get(fragment)
        assert answer.status_code == 200
        assert b"<html" not in answer.content
        provider.pay(path, kes(150_000))
        assert b"hx-get" not in browser.get(fragment).content

    def test_leads_on_by_itself_once_and_only_on_the_way_out(self, site, sign_up, provider):
        browser = sign_up()
        path = path_of(top_up(browser))
        assert "HX-Redirect" not in browser.get(f"{path}/live?go=1")
        provider.accept(path)
        onward = browser.get(f"{path}/live?go=1")
        assert onward["HX-Redirect"] == "https://checkout.example/cs_1"
        assert "HX-Redirect" not in browser.get(f"{path}/live")
        assert "HX-Redirect" not in browser.get(f"{path}/live?go=1&back=cancel")
        assert browser.get(f"{path}?go=1").status_code == 200

    def test_of_somebody_else_is_not_there(self, site, sign_up):
        path = path_of(top_up(sign_up()))
        stranger = sign_up("bakari@example.org")
        assert stranger.get(path).status_code == stranger.get(f"{path}/live").status_code == 404

    @pytest.mark.parametrize("shown", ["nonsense", "pay_", "pay_" + "l" * 26, "wal_" + "0" * 26])
    def test_of_a_malformed_number_is_not_there(self, site, sign_up, shown):
        assert sign_up().get(f"/payments/{shown}").status_code == 404

    def test_sends_a_fragment_without_a_person_to_the_sign_in(self, site, sign_up):
        path = path_of(top_up(sign_up()))
        answer = site.browser().get(f"{path}/live", headers={"HX-Request": "true"})
        assert answer["HX-Redirect"] == "/sign-in"


class TestOverview:
    def test_invites_to_the_first_top_up(self, site, sign_up):
        page = sign_up().get("/").content
        assert b"Make your first top-up" in page
        assert re.search(rb"http://127\.0\.0\.1:8123/pay/wal_\w{26}", page)
        assert b"data-live" not in page

    def test_shows_balance_entries_and_what_is_on_its_way(self, site, sign_up, provider):
        browser = sign_up()
        paid = path_of(top_up(browser))
        provider.accept(paid)
        provider.pay(paid, kes(150_000))
        top_up(browser, amount="250", key=str(ids.new()))
        page = browser.get("/").content.decode()
        assert '<span class="ts-balance-figure">1,500.00</span>' in page
        assert "+1,500.00" in page
        assert "On its way" in page
        assert "data-live" in page
        assert "ts-picture-line" in page
        assert '<p class="ts-picture-span"><span>Today</span><span>Now</span></p>' in page
        with psycopg.connect(site.url) as conn:
            assert ledger.verify(conn) == []

    def test_stays_fresh_while_something_is_on_its_way(self, site, sign_up, provider):
        browser = sign_up()
        path = path_of(top_up(browser))
        live = re.search(rb'hx-get="([^"]+)"', browser.get("/").content)
        assert live is not None
        assert browser.get(live[1].decode()).status_code == 204
        provider.accept(path)
        provider.pay(path, kes(150_000))
        fresh = browser.get(live[1].decode()).content
        assert b"1,500.00" in fresh
        assert b"data-live" not in fresh


class TestLetters:
    def test_show_in_development_with_their_links(self, site, sign_up):
        sign_up()
        browser = site.browser()
        page = browser.get("/dev/mail").content.decode()
        assert "amina@example.org" in page
        first = re.search(r'href="(/dev/mail/msg_\w+)"', page)
        assert first is not None
        letter = browser.get(first[1]).content.decode()
        assert "sandbox=" in letter
        assert f'<a href="http://127.0.0.1:8123{site.link("amina@example.org")}"' in letter

    def test_say_that_there_are_none(self, site):
        assert b"No letters yet" in site.browser().get("/dev/mail").content

    @pytest.mark.parametrize(
        "path", ["/dev/mail/nonsense", f"/dev/mail/{ids.show('msg', UUID(int=7))}"]
    )
    def test_that_are_not_there_are_404(self, site, path):
        assert site.browser().get(path).status_code == 404

    def test_are_not_there_in_production(self, site, sign_up):
        sign_up()
        ours = settings.TALLYSTICK.model_copy(update={"dev_endpoints": False})
        with override_settings(TALLYSTICK=ours):
            assert site.browser().get("/dev/mail").status_code == 404
