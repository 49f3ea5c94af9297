"""What the conformance suite shares: every way in, and a table of the team's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from conformance.library.ways import WAYS, Answer, Way, Work
from tallystick import ids


@dataclass(frozen=True)
class Team:
    """A team with its own table beside the books, on one way in."""

    way: Way
    url: str
    #: Its name: a new one for each test, so that tests may commit.
    name: str

    def transaction(
        self, work: Work[Answer], *, isolation: str | None = None, options: str = ""
    ) -> Answer:
        """Run the work in a transaction; `options` go to the server with the connection."""
        return self.way.transaction(self.url + options, work, isolation)

    def autocommit(self, work: Work[Answer]) -> Answer:
        """Run the work with every statement by itself."""
        return self.way.autocommit(self.url, work)

    def order(self, conn: Any) -> None:
        """Write a row of the team's own, as the team would: with a cursor of that connection."""
        cursor = conn.cursor()
        cursor.execute("INSERT INTO public.shop_order (shop) VALUES (%s)", (self.name,))
        cursor.close()

    def scalar(self, statement: str, *values: object) -> Any:
        """Return what everybody sees once it is committed."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(statement, values).fetchone()
            assert row is not None
            return row[0]

    @property
    def orders(self) -> int:
        """How many rows of this test's team are committed."""
        return self.scalar("SELECT count(*) FROM public.shop_order WHERE shop = %s", self.name)

    @property
    def rows(self) -> list[int]:
        """How many rows there are of all that the heart writes here."""
        tables = ("account", "wallet", "posting", "transfer", "payment", "payment_step")
        ours = [f"tallystick.{table}" for table in tables]
        counts = [f"(SELECT count(*) FROM {one})" for one in (*ours, "procrastinate_jobs")]
        return self.scalar(f"SELECT ARRAY[{', '.join(counts)}]")


@pytest.fixture(scope="module")
def team_database(lasting_database):
    """Give the team's database: the books, and a table of its own."""
    with psycopg.connect(lasting_database.owner_url, autocommit=True) as owner:
        owner.execute("CREATE TABLE public.shop_order (shop text NOT NULL)")
    return lasting_database


#: The ways as teams begin; their variants run in the full profile.
_FIRST = {"psycopg", "psycopg-dict-rows", "django", "sqlalchemy", "sqlalchemy-async"}


@pytest.fixture(
    params=[way if way in _FIRST else pytest.param(way, marks=pytest.mark.full) for way in WAYS]
)
def team(request, team_database) -> Team:
    return Team(WAYS[request.param], team_database.application_url, f"shop:{ids.new()}")
