"""What tests of the pages share: Django on a clone, a browser without a screen, people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import django
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tallystick import mail

django.setup()

PASSWORD = "lantern puddle orbit seventeen"
_LINK = re.compile(r"http://127\.0\.0\.1:8123(/\S+)")


@dataclass(frozen=True)
class Site:
    """The pages on a clone of their own."""

    url: str

    def browser(self, **headers: str) -> Client:
        """Return a browser with no cookie."""
        return Client(SERVER_NAME="127.0.0.1", SERVER_PORT="8123", headers=headers or None)

    def letters(self, to: str | None = None) -> list[mail.Message]:
        """Return the letters that were committed, newest first."""
        with psycopg.connect(self.url) as conn:
            return mail.recent(conn, to=to)

    def link(self, to: str) -> str:
        """Return the first link of the newest letter, without our address."""
        match = _LINK.search(self.letters(to)[0].text)
        assert match is not None
        return match[1]

    def count(self, table: str) -> int:
        """Return how many rows were committed."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row is not None
            return int(row[0])


@pytest.fixture
def site(database) -> Iterator[Site]:
    """Point Django at a clone, with Stripe's keys set."""
    from tallystick.web.house import house  # noqa: PLC0415 - Django has to stand first

    parts = conninfo_to_dict(database.application_url)
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    before = dict(connection.settings_dict)
    connection.close()
    connection.close_pool()
    connection.settings_dict.update({names[part]: value for part, value in parts.items()})
    ours = settings.TALLYSTICK.model_copy(
        update={
            "stripe_secret_key": SecretStr("sk_test_pages"),
            "stripe_webhook_secret": SecretStr("whsec_pages"),
            "direct_database_url": SecretStr(database.application_url),
        }
    )
    house.cache_clear()
    with override_settings(TALLYSTICK=ours):
        yield Site(database.application_url)
        house().close()
    house.cache_clear()
    connection.close()
    connection.close_pool()
    connection.settings_dict.update(before)


@pytest.fixture
def sign_up(site: Site) -> Callable[..., Client]:
    """Sign somebody up through the pages, confirmed unless told otherwise."""

    def walk(email: str = "amina@example.org", *, confirmed: bool = True) -> Client:
        browser = site.browser()
        answer = browser.post("/sign-up", {"email": email, "password1": PASSWORD, "name": "Amina"})
        assert (answer.status_code, answer["Location"]) == (302, "/verify-email")
        if confirmed:
            answer = browser.post(site.link(email))
            assert (answer.status_code, answer["Location"]) == (302, "/")
        return browser

    return walk
