"""Refunds by an operator, and payments that take other ways, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

WIDTHS = (390, 1280)
GOOD, SECURE = "4242 4242 4242 4242", "4000 0025 0000 3155"


@dataclass(frozen=True)
class Desk:
    """A person with a paid payment, who is an operator as well."""

    visitor: object
    payment: str

    @property
    def page(self):
        return self.visitor.page


def ask(visitor, amount: str = "1500") -> str:
    """Ask for a payment and arrive at its page to pay on; return its own page's path."""
    page = visitor.page
    visitor.go("/top-up")
    page.get_by_label("How much?").fill(amount)
    page.get_by_role("button", name="Continue to payment").click()
    page.wait_for_url(re.compile(r"/c/pay/"))
    page.go_back()
    page.wait_for_url(re.compile(r"/payments/pay_\w+$"))
    path = page.url.removeprefix(visitor.url)
    page.get_by_role("link", name="Continue to payment").click()
    page.wait_for_url(re.compile(r"/c/pay/"))
    return path


def type_card(page, number: str = GOOD) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiry").fill("12 / 40")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name=re.compile("^Pay")).click()


def looks_right(page) -> None:
    """Check at both widths that nothing is cut, and that every field has a name."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert over <= 0, (page.url, width)
        assert page.locator("h1").count() == 1, page.url
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input:not([type=hidden]),select,textarea')]"
            ".filter(field => !field.labels.length).length"
        )
        assert unnamed == 0, page.url


@pytest.fixture
def desk(house, visitor) -> Desk:
    email = visitor.sign_up()
    path = ask(visitor)
    type_card(visitor.page)
    visitor.page.get_by_role("heading", name="The money is in your wallet").wait_for()
    promoted = house.tallystick("people", "promote", email)
    assert promoted.returncode == 0, promoted.stderr
    return Desk(visitor, path)


@pytest.fixture
def outage(house) -> Iterator[str]:
    """Give the address that makes the provider fall silent; it is back in the end."""
    address = f"{house.simulator_url}/_simulator/outage"
    yield address
    httpx.delete(address)


class TestRefund:
    def test_goes_from_the_form_to_the_card_while_both_watch(self, desk, chromium):
        page = desk.page
        state = page.context.storage_state()
        watcher = chromium.new_context(storage_state=state).new_page()
        watcher.set_default_timeout(15_000)
        desk.visitor.go("/")
        page.get_by_role("link", name="Operators").click()
        looks_right(page)
        number = desk.payment.rpartition("/")[2]
        page.get_by_label(re.compile("Number of a payment")).fill(number)
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/operators{desk.payment}")
        looks_right(page)
        assert page.get_by_label("How much?").input_value() == "1500.00"
        page.get_by_label("How much?").fill("2000")
        page.get_by_role("button", name="Continue").click()
        page.locator("#id_amount[aria-invalid=true]").wait_for()
        looks_right(page)
        page.get_by_label("How much?").fill("500")
        page.get_by_label("Why?").select_option("duplicate")
        page.keyboard.press("Tab")
        page.get_by_role("button", name="Continue").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name=re.compile("leaves Amina’s wallet")).wait_for()
        assert page.get_by_text("1,000.00 of KES").is_visible()
        looks_right(page)
        page.get_by_role("button", name=re.compile("^Refund KES")).click()
        page.wait_for_url(f"**/operators{desk.payment}")
        page.get_by_text("is on its way back").wait_for()
        # The page follows by itself.
        page.locator("#refunds + ul").get_by_text("Gone back").wait_for()
        assert page.locator("[data-live]").count() == 0
        looks_right(page)
        watcher.goto(desk.visitor.url + desk.payment)
        watcher.get_by_text(re.compile(r"KES 500\.00 went back$")).wait_for()
        watcher.context.close()
        desk.visitor.go("/")
        assert page.locator(".ts-balance-figure").inner_text() == "1,000.00"

    def test_is_live_while_the_provider_is_silent_and_when_it_is_back(self, desk, outage):
        page = desk.page
        httpx.post(outage, json={"answer": 503}).raise_for_status()
        desk.visitor.go(f"/operators{desk.payment}")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name=re.compile("^Refund KES")).click()
        page.wait_for_url(f"**/operators{desk.payment}")
        page.locator("#refunds + ul").get_by_text("Unknown").wait_for()
        desk.visitor.go(desk.payment)
        page.get_by_role("heading", name=re.compile("is going back")).wait_for()
        assert page.get_by_text("We do not know yet whether Stripe").is_visible()
        assert "failed" not in page.locator("main").inner_text().lower()
        httpx.delete(outage).raise_for_status()
        page.set_default_timeout(60_000)
        page.get_by_role("heading", name="The money went back").wait_for()
        assert page.locator("[data-live]").count() == 0


class TestPayment:
    def test_with_3d_secure_arrives(self, visitor):
        visitor.sign_up()
        ask(visitor)
        page = visitor.page
        type_card(page, SECURE)
        page.get_by_role("button", name="Complete authentication").click()
        page.get_by_role("heading", name="The money is in your wallet").wait_for()
        looks_right(page)

    def test_whose_3d_secure_fails_takes_nothing(self, visitor):
        visitor.sign_up()
        path = ask(visitor)
        page = visitor.page
        type_card(page, SECURE)
        page.get_by_role("button", name="Fail authentication").click()
        page.get_by_label("Card number").wait_for()
        visitor.go(path)
        page.get_by_role("heading", name="The card was refused").wait_for()
        looks_right(page)
        visitor.go("/")
        assert page.locator(".ts-balance-figure").inner_text() == "0.00"

    def test_that_is_left_on_its_page_can_be_gone_on_with(self, visitor):
        visitor.sign_up()
        ask(visitor)
        page = visitor.page
        page.get_by_role("link", name=re.compile("Cancel")).click()
        page.wait_for_url(re.compile("back=cancel"))
        page.get_by_role("heading", name="You came back without paying").wait_for()
        looks_right(page)
        page.get_by_role("link", name="Continue to payment").click()
        type_card(page)
        page.get_by_role("heading", name="The money is in your wallet").wait_for()


class TestReviewsAndBreakers:
    def test_fit_and_work_by_keyboard(self, house, desk):
        page = desk.page
        session = house.database.scalar(
            "SELECT collected_reference FROM tallystick.payment ORDER BY id DESC LIMIT 1"
        )
        dispute = {"payment_intent": session, "reason": "fraudulent"}
        disputes = f"{house.simulator_url}/_simulator/stripe/disputes"
        httpx.post(disputes, json=dispute).raise_for_status()
        heading = page.get_by_role("heading", name="The bank asks for the money back")
        for _ in range(60):
            # What is over stays as it is until somebody looks again.
            desk.visitor.go(desk.payment)
            if heading.is_visible():
                break
            page.wait_for_timeout(250)
        heading.wait_for()
        desk.visitor.go(f"/operators{desk.payment}")
        page.get_by_role("link", name="Answer").click()
        page.wait_for_url(re.compile("/operators/reviews"))
        looks_right(page)
        page.locator("article:target summary").focus()
        page.keyboard.press("Enter")
        page.locator("article:target").get_by_label(re.compile("What did you find")).focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Say in 1 to 500 characters").wait_for()
        looks_right(page)
        page.get_by_label(re.compile("What did you find")).first.fill("We sent the evidence.")
        page.get_by_role("button", name="Resolve").first.click()
        page.get_by_text("Your answer is kept.").wait_for()
        page.get_by_role("link", name="Resolved").click()
        page.get_by_text("We sent the evidence.").first.wait_for()
        looks_right(page)
        page.get_by_role("link", name="Breakers").click()
        page.get_by_role("heading", name="The store of the breakers is away").wait_for()
        looks_right(page)
