"""The lab in a real browser, over a real start: trouble, a payment through it, and the books."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from starting import House, started_house

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def started() -> Iterator[House]:
    """Give a whole house with engines of its own, which waits for less time than others.

    After all the trouble the provider's journal and the books say the same.
    """
    hasty = {"TALLYSTICK_BREAKER_OPEN_FOR_S": "2", "TALLYSTICK_STRIPE_TIMEOUT_S": "2"}
    with started_house("--empty", **hasty) as house:
        yield house
        done = subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "simulator", "compare", "--within", "20"],
            cwd=house.folder,
            env={word: text for word, text in os.environ.items() if "TALLYSTICK" not in word},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def lab(started: House, visitor_of) -> Iterator[Page]:
    """Give the lab's page of somebody new; at the end everything is well and the books balance."""
    with visitor_of(f"http://127.0.0.1:{started.port}") as visitor:
        visitor.sign_up()
        visitor.go("/dev/lab")
        yield visitor.page
        press(visitor.page, "Forget the orders")
        press(visitor.page, "Verify the books")
        said = visitor.page.locator("#lab-said")
        expect(said).to_contain_text(re.compile(r"All [\d,]+ entries were read in \d+ ms"))
        expect(visitor.page.get_by_text("The books balance", exact=True)).to_be_visible()


def press(page: Page, name: str) -> str:
    """Press a button and return what it says was done."""
    with page.expect_response(re.compile("/dev/lab/do/")) as answer:
        page.get_by_role("button", name=name, exact=True).click()
    assert answer.value.status == 200
    said = re.sub(r"<[^>]+>", "", answer.value.text()).strip()
    expect(page.locator("#lab-said")).to_contain_text(said[:30].replace("&#x27;", "'"))
    return said


def becomes(page: Page, state: str) -> None:
    """Wait until the payment shows in the state."""
    page.wait_for_selector(f"#lab-live[data-state='{state}']", timeout=PATIENCE_MS)


def lamp(page: Page, name: str):
    """Return the lamp of a part of the house."""
    return page.locator(".ts-lab-lamps div").filter(has_text=re.compile(f"^{name}"))


def pay(page: Page) -> None:
    """Start a payment and pay it with a good card, in two clicks: its page may take a moment."""
    press(page, "Start only")
    becomes(page, "submitted")
    press(page, "Good card")


class TestWebhook:
    @pytest.mark.full
    def test_that_is_lost_is_missed_and_found_out_by_the_janitor(self, lab):
        assert "lost" in press(lab, "Lose the next one")
        expect(lamp(lab, "Provider")).to_contain_text("next: lost webhook")
        pay(lab)
        becomes(lab, "settled")
        events = lab.locator(".ts-lab-payment")
        assert "checkout.session.completed" not in events.inner_text()
        expect(lab.locator(".ts-lab-wallet")).to_contain_text("1,500.00")

    def test_that_comes_twice_moves_the_money_once(self, lab):
        press(lab, "Double it")
        pay(lab)
        becomes(lab, "settled")
        expect(lab.locator(".ts-lab-wallet")).to_contain_text("1,500.00")


@pytest.mark.full
class TestProvider:
    @pytest.mark.full
    def test_that_is_down_gets_no_call_and_the_queue_drains_afterwards(self, lab):
        press(lab, "Take it down")
        expect(lamp(lab, "Breakers")).to_contain_text("stripe.collect open")
        press(lab, "Start only")
        becomes(lab, "queued")
        press(lab, "Bring it back")
        becomes(lab, "submitted")
        expect(lamp(lab, "Breakers")).to_contain_text("closed")
        press(lab, "Good card")
        becomes(lab, "settled")

    @pytest.mark.full
    def test_that_does_not_answer_is_asked_again_and_the_payment_goes_on(self, lab):
        press(lab, "Time out after the work")
        press(lab, "Start only")
        becomes(lab, "unknown")
        becomes(lab, "submitted")
        press(lab, "Good card")
        becomes(lab, "settled")

    @pytest.mark.full
    def test_that_answers_500_for_good_leaves_it_to_a_person_after_three_days(self, lab):
        press(lab, "Answer 500")
        press(lab, "Start only")
        becomes(lab, "unknown")
        press(lab, "Three days on")
        becomes(lab, "review")
        expect(lab.locator(".ts-lab-payment")).to_contain_text("Find out there, and decide.")
        press(lab, "Back to today")

    def test_declines_a_card_and_lets_a_page_expire(self, lab):
        press(lab, "Start only")
        becomes(lab, "submitted")
        assert "declined" in press(lab, "Declined card")
        press(lab, "Abandon it")
        becomes(lab, "expired")
        expect(lab.locator(".ts-lab-wallet")).to_contain_text("0.00")


@pytest.mark.full
class TestHouse:
    def test_has_another_worker_after_a_kill_and_goes_on(self, lab):
        workers = lamp(lab, "Workers")
        expect(workers).to_contain_text("money")
        [before] = re.findall(r"money (\d+)", workers.inner_text())
        press(lab, "Kill the worker")
        pay(lab)
        becomes(lab, "settled")
        [after] = re.findall(r"money (\d+)", workers.inner_text())
        assert after != before

    def test_pays_without_redis_and_has_it_back(self, lab):
        press(lab, "Stop Redis")
        expect(lamp(lab, "Redis")).to_contain_text("stopped")
        pay(lab)
        becomes(lab, "settled")
        press(lab, "Start Redis")
        expect(lamp(lab, "Redis")).to_contain_text("up")


@pytest.mark.full
class TestClock:
    def test_lets_what_waits_expire_and_goes_back(self, lab):
        press(lab, "Start only")
        becomes(lab, "submitted")
        press(lab, "Three days on")
        expect(lamp(lab, "Clock")).to_contain_text("3 days ahead")
        becomes(lab, "expired")
        press(lab, "Back to today")
        expect(lamp(lab, "Clock")).to_contain_text("today")
        pay(lab)
        becomes(lab, "settled")


class TestAfterwards:
    @pytest.mark.full
    def test_refunds_and_disputes_are_booked_as_they_happen(self, lab):
        pay(lab)
        becomes(lab, "settled")
        wallet = lab.locator(".ts-lab-wallet")
        press(lab, "Refund half of it")
        expect(wallet).to_contain_text("750.00")
        expect(lab.locator(".ts-lab-payment")).to_contain_text("refund settled")
        press(lab, "Let the refund fail")
        expect(wallet).to_contain_text("1,500.00")
        press(lab, "Open a dispute")
        expect(wallet).to_contain_text("KES 0.00")
        press(lab, "Win the dispute")
        expect(wallet).to_contain_text("1,500.00")

    def test_need_a_payment_first(self, lab):
        assert "pay it first" in press(lab, "Open a dispute")


class TestPage:
    @pytest.mark.parametrize("width", [390, 1280])
    def test_fits_and_is_enough_with_the_keyboard(self, lab, width):
        lab.set_viewport_size({"width": width, "height": 844})
        assert lab.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert lab.locator("h1").count() == 1
        lab.locator("input[name=amount]:checked").focus()
        lab.keyboard.press("ArrowLeft")
        lab.keyboard.press("Tab")
        assert lab.evaluate("document.activeElement.textContent") == "Start and pay it"
        lab.keyboard.press("Enter")
        expect(lab.locator(".ts-lab-amount")).to_contain_text("500.00")
        # What is fresh each two seconds takes nobody's place away.
        lab.wait_for_selector("#lab-live:is([data-state=submitted], [data-state=settled])")
        assert lab.evaluate("document.activeElement.textContent") == "Start and pay it"
