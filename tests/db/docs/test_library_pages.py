"""The pages for teams: their blocks run, in their order, and do what the page says."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import NullPool
from sqlalchemy.engine import make_url

from factories.wallets import wallet
from tallystick import wallets

HOWTO = Path(__file__).parents[3] / "docs" / "howto"
SALES = ["KES 70.00", "KES 40.00", "KES 10.00", "not enough money"]


def names_of(page: Path) -> dict[str, Any]:
    """Run the page's Python blocks as one program and return its names."""
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": page.stem}
    program = compile("\n".join(blocks), str(page), "exec", dont_inherit=True)
    exec(program, names)  # noqa: S102 - our own page
    return names


@pytest.fixture
def shop(database):
    """Give a database with the pages' table, and KES 100.00 in Amina's wallet."""
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        columns = "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, shop text NOT NULL"
        owner.execute(f"CREATE TABLE public.shop_order ({columns})")
    with database.connect() as conn:
        wallet(conn, minor=10_000, owner="person:amina")
    return database


def alchemy(url: str) -> Any:
    return make_url(url).set(drivername="postgresql+psycopg")


def is_told(page: Path) -> bool:
    """Return whether the page tells the four answers, in their order."""
    told = re.findall(r"`(KES [0-9.]+|not enough money)`", page.read_text())
    return told == SALES


class TestPsycopgPage:
    PAGE = HOWTO / "library" / "psycopg.md"

    def test_makes_the_schema(self, empty_database):
        names_of(self.PAGE)["prepare"](empty_database.owner_url, empty_database.application_url)
        with empty_database.connect() as conn:
            assert wallets.of_owner(conn, owner="person:amina") == []

    def test_sells(self, shop):
        sell_one = names_of(self.PAGE)["sell_one"]
        assert [sell_one(shop.application_url) for _ in SALES] == SALES
        assert shop.scalar("SELECT count(*) FROM public.shop_order") == 3
        assert is_told(self.PAGE)


class TestSqlAlchemyPage:
    PAGE = HOWTO / "library" / "sqlalchemy.md"

    def test_sells(self, shop):
        names = names_of(self.PAGE)
        engine = names["create_engine"](alchemy(shop.application_url), poolclass=NullPool)
        assert [names["sell_one"](engine) for _ in SALES] == SALES
        assert shop.scalar("SELECT count(*) FROM public.shop_order") == 3
        assert is_told(self.PAGE)


class TestSqlAlchemyAsyncPage:
    PAGE = HOWTO / "library" / "sqlalchemy-async.md"

    def test_sells(self, shop):
        names = names_of(self.PAGE)

        async def walk() -> list[str]:
            engine = names["create_async_engine"](alchemy(shop.application_url))
            answers = [await names["sell_one"](engine) for _ in SALES]
            await engine.dispose()
            return answers

        assert asyncio.run(walk()) == SALES
        assert shop.scalar("SELECT count(*) FROM public.shop_order") == 3
        assert is_told(self.PAGE)


class TestBadNetworksPage:
    PAGE = HOWTO / "test-bad-networks.md"

    def test_finds_the_row_that_was_booked(self, shop):
        booked = names_of(self.PAGE)["was_it_booked"](shop.application_url)
        assert f"`was_it_booked(url)` returns `{booked}`" in self.PAGE.read_text()
