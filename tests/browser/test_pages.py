"""The pages in a real browser: a first payment, keyboard alone, phone, dark, strict CSP."""

from __future__ import annotations

import re
import secrets

import pytest

PASSWORD = "lantern puddle orbit seventeen"


def pay(visitor, amount: str, card: str) -> None:
    page = visitor.page
    visitor.go("/top-up")
    page.get_by_label("How much?").fill(amount)
    page.get_by_role("button", name="Continue to payment").click()
    page.wait_for_url(re.compile(r"/c/pay/"))
    page.get_by_label("Card number").fill(card)
    page.get_by_label("Expiry").fill("12 / 40")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()


def overflow(page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


class TestFirstPayment:
    def test_shows_in_the_wallet_after_a_declined_card(self, visitor):
        visitor.sign_up()
        page = visitor.page
        assert page.get_by_text("Nothing yet").is_visible()
        pay(visitor, "1500", "4000 0000 0000 0002")
        page.get_by_role("link", name=re.compile("Cancel")).click()
        page.wait_for_url(re.compile("back=cancel"))
        page.get_by_role("heading", name="The card was refused").wait_for()
        page.get_by_role("link", name="Try another card").click()
        page.get_by_label("Card number").fill("4242 4242 4242 4242")
        page.get_by_label("Expiry").fill("12 / 40")
        page.get_by_label("Security code").fill("123")
        page.get_by_role("button", name=re.compile("^Pay")).click()
        page.get_by_role("heading", name="The money is in your wallet").wait_for()
        page.get_by_role("link", name="See your wallet").click()
        assert page.locator(".ts-balance-figure").inner_text() == "1,500.00"
        assert page.get_by_text("+1,500.00").is_visible()

    def test_does_not_start_again_by_the_back_button(self, visitor):
        visitor.sign_up()
        page = visitor.page
        visitor.go("/top-up")
        page.get_by_label("How much?").fill("250")
        page.get_by_role("button", name="Continue to payment").click()
        page.wait_for_url(re.compile(r"/c/pay/"))
        page.go_back()
        page.wait_for_url(re.compile(r"/payments/pay_\w+$"))
        page.get_by_role("link", name="Continue to payment").wait_for()
        page.wait_for_timeout(2500)
        assert "/payments/pay_" in page.url


class TestKeyboard:
    def test_is_enough_to_sign_in_and_to_ask_for_a_payment(self, visitor):
        email = visitor.sign_up()
        page = visitor.page
        page.context.clear_cookies()
        visitor.go("/sign-in")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        for _ in range(2):
            page.keyboard.press("Tab")
        page.keyboard.type(email)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(visitor.url + "/")
        visitor.go("/top-up")
        page.get_by_label("How much?").focus()
        page.keyboard.type("300")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(r"/payments/|/c/pay/"))

    def test_shows_where_it_is_and_closes_the_menu(self, visitor):
        visitor.sign_up()
        page = visitor.page
        page.locator("summary").focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("button", name="Sign out").is_visible()
        page.keyboard.press("Tab")
        width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
        assert width == "3px"
        page.keyboard.press("Escape")
        assert not page.get_by_role("button", name="Sign out").is_visible()
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


class TestEveryPage:
    @pytest.mark.parametrize("width", [390, 1280])
    def test_fits_has_one_heading_and_names_its_fields(self, visitor, width):
        page = visitor.page
        visitor.sign_up("a-person-with-a-very-long-address.of-many-parts@subdomain.example.org")
        page.set_viewport_size({"width": width, "height": 844})
        strangers = [
            "/sign-up",
            "/sign-in",
            "/forgotten-password",
            "/verify-email/nonsense",
            "/nothing",
        ]
        people = ["/", "/top-up", "/send", "/settings", "/settings/email", "/settings/security"]
        people += ["/settings/sessions", "/dev/mail"]
        for paths in (people, strangers):
            for path in paths:
                visitor.go(path)
                assert overflow(page) <= 0, path
                assert page.locator("h1").count() == 1, path
                assert page.title().endswith("Tallystick"), path
                assert page.locator("html").get_attribute("lang") == "en"
                unnamed = page.evaluate(
                    "[...document.querySelectorAll('input:not([type=hidden])')]"
                    ".filter(field => !field.labels.length).length"
                )
                assert unnamed == 0, path
            page.context.clear_cookies()

    def test_marks_a_wrong_field_for_those_who_do_not_see(self, visitor):
        visitor.go("/sign-up")
        page = visitor.page
        page.get_by_label("E-mail address").fill("amina@example.org")
        page.get_by_label("Password", exact=True).fill("short")
        page.get_by_role("button", name="Sign up").click()
        field = page.locator("#id_password1[aria-invalid=true]")
        field.wait_for()
        described = (field.get_attribute("aria-describedby") or "").split()
        assert described
        texts = [page.locator(f"[id='{one}']").inner_text() for one in described]
        assert "at least 15" in " ".join(texts)


class TestTheme:
    def test_is_remembered_and_set_before_the_first_paint(self, visitor):
        page = visitor.page
        visitor.go("/sign-in")
        page.get_by_role("button", name="Dark", exact=True).click()
        visitor.go("/sign-up")
        assert page.locator("html").get_attribute("data-bs-theme") == "dark"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 120
        page.get_by_role("button", name="As the system", exact=True).click()
        for preferred in ("light", "dark"):
            page.emulate_media(color_scheme=preferred)
            page.locator(f"html[data-bs-theme={preferred}]").wait_for(state="attached")


class TestPassword:
    def test_can_be_seen_by_whoever_types_it(self, visitor):
        visitor.go("/sign-in")
        page = visitor.page
        field = page.locator("#id_password")
        assert field.get_attribute("type") == "password"
        page.get_by_role("button", name="Show the password").click()
        assert field.get_attribute("type") == "text"


class TestSend:
    def test_goes_from_one_person_to_another_by_handle(self, visitor):
        page = visitor.page
        visitor.sign_up("wanjiru@example.org")
        handle = f"w{secrets.token_hex(6)}"
        visitor.go("/settings/profile")
        page.get_by_label("Your name").fill("Wanjiru Kamau")
        page.get_by_label("Handle").fill(f"@{handle}")
        page.get_by_role("button", name="Save").click()
        page.get_by_text("Saved.").wait_for()
        page.context.clear_cookies()
        visitor.sign_up()
        pay(visitor, "1500", "4242 4242 4242 4242")
        page.get_by_role("heading", name="The money is in your wallet").wait_for()
        visitor.go("/send")
        page.get_by_label("To whom?").focus()
        page.keyboard.type(handle)
        page.get_by_label("How much?").fill("2000")
        page.keyboard.press("Enter")
        page.locator("#id_amount[aria-invalid=true]").wait_for()
        page.get_by_label("How much?").fill("250.50")
        page.get_by_label("Note").fill("Rent")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="to Wa… K.").wait_for()
        assert page.get_by_text("1,249.50").is_visible()
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow(page) <= 0
        page.get_by_role("button", name=re.compile("^Send KES")).click()
        page.get_by_role("heading", name="Sent to Wa… K.").wait_for()
        receipt = page.url
        # A step back shows what was done, and asks nothing any more.
        page.go_back()
        page.get_by_role("heading", name="Sent to Wa… K.").wait_for()
        assert page.url == receipt
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 844})
            assert overflow(page) <= 0
        page.get_by_role("link", name="Your wallet").click()
        page.get_by_role("heading", name="Be paid").wait_for()
        assert page.locator(".ts-balance-figure").inner_text() == "1,249.50"
        assert page.get_by_text("−250.50").count() == 1
