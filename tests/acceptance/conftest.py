"""What acceptance tests share: people who signed up in the running house."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from running import RunningHouse

#: As much of curl as the page uses: not every machine that runs the tests has it.
_CURL = """
import argparse, sys, httpx
words = argparse.ArgumentParser()
words.add_argument("url")
words.add_argument("-H", action="append", default=[])
words.add_argument("-d")
given = words.parse_args()
headers = dict(one.split(": ", 1) for one in given.H)
data = given.d.encode() if given.d else None
method = "POST" if data else "GET"
answer = httpx.request(method, given.url, headers=headers, content=data)
print(answer.text)
sys.exit(0 if answer.is_success else 22)
"""


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


@pytest.fixture
def paste(house: RunningHouse, tmp_path: Path) -> Callable[[Path, Mapping[str, str]], str]:
    """Run the commands of a page as they stand there, and return what they print."""

    def run(page: Path, placed: Mapping[str, str]) -> str:
        blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        commands = "\n".join(blocks)
        (tmp_path / "curl.py").write_text(_CURL)
        for shown, here in {
            ".venv/bin/tallystick": f"{sys.executable} -m tallystick.cli",
            "curl ": f"{sys.executable} {tmp_path / 'curl.py'} ",
            "http://127.0.0.1:8123": house.url,
            **placed,
        }.items():
            assert shown in commands
            commands = commands.replace(shown, here)
        done = subprocess.run(
            ["sh", "-e", "-u", "-c", commands],
            env={**os.environ, **house.environment},
            cwd=house.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def pay(
    house: RunningHouse, person: httpx.Client, eventually: Callable[..., dict]
) -> Callable[..., str]:
    """Bring money into the person's wallet with a test card; return the payment's id."""

    def one(minor: int = 150_000, *, card: str = "4242424242424242") -> str:
        asked = {"wallet": person.wallet, "amount": minor, "currency": "KES"}
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        made = person.post("/api/payments", json=asked, headers=headers)
        assert made.status_code == 201, made.text
        shown = str(made.json()["id"])
        page = eventually(person, shown, lambda seen: seen["action_url"])["action_url"]
        said = {"session": page.rpartition("/")[2].partition("#")[0], "card": card}
        paid = httpx.post(f"{house.simulator_url}/_simulator/pay", json=said)
        assert paid.json()["outcome"] == "paid", paid.text
        eventually(person, shown, lambda seen: seen["state"] == "settled")
        return shown

    return one


@pytest.fixture(scope="session")
def eventually() -> Callable[..., dict]:
    """Give what waits until a payment, as its person sees it, is so."""

    def wait(person: httpx.Client, shown: str, is_so: Callable[[dict], object]) -> dict:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            seen = person.get(f"/api/payments/{shown}").json()
            if is_so(seen):
                return dict(seen)
            time.sleep(0.1)
        raise AssertionError(seen)

    return wait
