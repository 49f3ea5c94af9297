"""What acceptance tests share: people who signed up in the running house."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import httpx
import pytest

from running import RunningHouse


@pytest.fixture(scope="module")
def person(house: RunningHouse) -> Iterator[httpx.Client]:
    """Give the browser of a signed-in person with an empty wallet."""
    with httpx.Client(base_url=house.url, follow_redirects=True) as browser:
        email, phrase = f"{secrets.token_hex(6)}@example.org", secrets.token_urlsafe(24)
        form = {"name": "Achieng", "email": email, "password1": phrase}
        page = browser.get("/sign-up")
        browser.post(page.url, data={**form, "csrfmiddlewaretoken": browser.cookies["csrftoken"]})
        body = house.database.scalar(
            "SELECT body_text FROM tallystick.mail WHERE to_address = %s ORDER BY id DESC LIMIT 1",
            email,
        )
        [link] = [word for word in str(body).split() if "/verify-email/" in word]
        confirm = browser.get(link)
        token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
        browser.post(confirm.url, data=token)
        browser.headers["X-CSRFToken"] = browser.cookies["csrftoken"]
        browser.headers["Referer"] = house.url
        [wallet] = browser.get("/api/wallets").json()["items"]
        browser.wallet, browser.email = wallet["id"], email
        yield browser
