"""What browser tests share: the house as real processes, and Chromium that forgives nothing."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from running import RunningHouse

PASSWORD = "lantern puddle orbit seventeen"
#: Statuses that a page may answer to a wrong form or address; Chromium reports them as errors.
_EXPECTED = re.compile(r"status of (404|422)")


@dataclass
class Visitor:
    """A person with a browser, and everything that the browser complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page of ours."""
        self.page.goto(self.url + path)

    def sign_up(self, email: str = "amina@example.org") -> str:
        """Sign up under an address of one's own, read the letter, confirm; return the address."""
        email = f"{secrets.token_hex(4)}-{email}"
        self.go("/sign-up")
        self.page.get_by_label("Your name").fill("Amina")
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Sign up").click()
        self.page.wait_for_url("**/verify-email")
        self.go("/dev/mail")
        self.page.get_by_role("link", name=re.compile(re.escape(email))).first.click()
        self.page.locator(".ts-letter a").first.click()
        self.page.get_by_role("button", name="Yes, confirm it").click()
        self.page.wait_for_url(self.url + "/")
        return email


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the system's Chromium; with it ends the event loop that others could not share."""
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    assert path, "Browser tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@contextmanager
def _visiting(chromium: Browser, url: str) -> Iterator[Visitor]:
    """Open a window at 1280 pixels; the end fails on whatever the browser complains about."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.set_default_timeout(15_000)
    seen = Visitor(page, url)

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _EXPECTED.search(message.text):
            seen.complaints.append(f"{page.url}: {message.text}")

    page.on("console", hear)
    page.on("pageerror", lambda error: seen.complaints.append(f"{page.url}: {error}"))
    yield seen
    context.close()
    assert seen.complaints == []


@pytest.fixture
def visitor(house: RunningHouse, chromium: Browser) -> Iterator[Visitor]:
    """Give somebody in front of the house that tests share."""
    with _visiting(chromium, house.url) as seen:
        yield seen


@pytest.fixture
def visitor_of(chromium: Browser) -> Callable[[str], AbstractContextManager[Visitor]]:
    """Open a window before another house."""
    return partial(_visiting, chromium)
