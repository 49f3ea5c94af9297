"""Verification: quiet on books that are right, and blind to no planted breach."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator

import psycopg
import pytest
from typer.testing import CliRunner

from factories.ledger import post
from factories.wallets import wallet
from tallystick import bootstrap, db, ids, ledger
from tallystick.cli.app import build
from tallystick.ledger import queries
from tallystick.settings import load_settings

#: What keeps such rows out, taken away by the owner before the planting.
DISARM = """
    ALTER TABLE tallystick.transfer DISABLE TRIGGER USER;
    ALTER TABLE tallystick.account DROP CONSTRAINT balance_at_or_above_floor;
    ALTER TABLE tallystick.account DROP CONSTRAINT balance_at_or_below_ceiling;
"""
#: Statement that plants, and what must be found: invariants with the differences.
PLANTED = {
    "a balance": (
        "UPDATE tallystick.account SET balance = balance + 1 WHERE id = %(one)s",
        {("sum_is_zero", 1), ("balance_equals_entries", 1)},
    ),
    "two balances that cancel out": (
        (
            "UPDATE tallystick.account SET balance = balance"
            " + CASE WHEN id = %(one)s THEN 1 ELSE -1 END WHERE id IN (%(one)s, %(other)s)"
        ),
        {("balance_equals_entries", 1), ("balance_equals_entries", -1)},
    ),
    "a version": (
        "UPDATE tallystick.account SET version = version + 1 WHERE id = %(one)s",
        {("versions_are_gapless", 1)},
    ),
    "a gap in the versions": (
        (
            "UPDATE tallystick.transfer SET debit_version = 5 WHERE debit_id = %(one)s AND"
            " debit_version = 4"
        ),
        {("versions_are_gapless", 1)},
    ),
    "an amount": (
        "UPDATE tallystick.transfer SET amount = 11 WHERE debit_id = %(one)s AND debit_version = 3",
        {
            *(("balance_equals_entries", 1), ("balance_equals_entries", -1)),
            *(("entries_add_up", 1), ("entries_add_up", 1)),
        },
    ),
    "a balance after": (
        (
            "UPDATE tallystick.transfer SET debit_balance = debit_balance - 1"
            " WHERE debit_id = %(one)s AND debit_version = 2"
        ),
        {("entries_add_up", 2)},
    ),
    "a transfer taken away": (
        "DELETE FROM tallystick.transfer WHERE debit_id = %(one)s AND debit_version = 4",
        {
            *(("balance_equals_entries", -10), ("balance_equals_entries", 10)),
            ("versions_are_gapless", 1),
        },
    ),
    "a transfer of nobody": (
        (
            "UPDATE tallystick.transfer SET debit_id = %(nobody)s WHERE debit_id = %(one)s"
            " AND debit_version = 4"
        ),
        {
            *(("accounts_exist", 1), ("balance_equals_entries", -10)),
            ("versions_are_gapless", 1),
        },
    ),
    "a floor": (
        "UPDATE tallystick.account SET floor = balance + 5 WHERE id = %(one)s",
        {("floor_holds", -5)},
    ),
    "a ceiling": (
        "UPDATE tallystick.account SET ceiling = balance - 5 WHERE id = %(one)s",
        {("ceiling_holds", -5)},
    ),
    "a month without a partition": (
        (
            "UPDATE tallystick.transfer SET id = '00000000-0000-7000-8000-000000000001'"
            " WHERE debit_id = %(one)s AND debit_version = 4"
        ),
        {("months_have_partitions", 1)},
    ),
}


@pytest.fixture
def books(database) -> dict[str, object]:
    """Books of two wallets: one paid the other thrice."""
    with database.connect() as conn:
        one, other = (wallet(conn, minor=100).available_id for _ in range(2))
        for _ in range(3):
            post(conn, one, other, 10)
    return {"one": one, "other": other, "nobody": ids.new()}


@pytest.fixture
def owner(database) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        yield conn


@pytest.fixture
def run(database, monkeypatch):
    """Run the command against the test's database."""

    def ledger_verify(*words: str):
        return CliRunner().invoke(build(), ["ledger", "verify", *words])

    for name, value in database.environment.items():
        monkeypatch.setenv(name, value)
    return ledger_verify


class TestVerify:
    def test_finds_nothing_in_books_that_are_right(self, database, books):
        with database.connect() as conn:
            assert ledger.verify(conn) == []

    def test_finds_nothing_in_empty_books(self, database):
        with database.connect() as conn:
            assert ledger.verify(conn) == []

    @pytest.mark.parametrize("planted", PLANTED)
    @pytest.mark.parametrize("size", [1, 100_000])
    def test_finds_what_is_planted(self, database, owner, books, monkeypatch, planted, size):
        monkeypatch.setattr(queries, "_RANGE", size)
        statement, expected = PLANTED[planted]
        owner.execute(DISARM)
        assert owner.execute(statement, books).rowcount >= 1
        with database.connect() as conn:
            found = ledger.verify(conn)
        assert {(breach.invariant, breach.difference) for breach in found} == expected

    def test_finds_a_version_that_stands_twice(self, database, owner, books):
        owner.execute(DISARM)
        twice = "UPDATE tallystick.transfer SET debit_version = 2 WHERE debit_version = 3"
        owner.execute(twice)
        with database.connect() as conn:
            assert "versions_are_gapless" in {one.invariant for one in ledger.verify(conn)}

    def test_tells_how_far_it_is(self, database, books, monkeypatch):
        monkeypatch.setattr(queries, "_RANGE", 1)
        told: list[tuple[int, int]] = []
        with database.connect() as conn:
            ledger.verify(conn, on_progress=lambda done, total: told.append((done, total)))
        assert told[-1] == (10, 10)
        assert [done for done, _ in told] == sorted(done for done, _ in told)

    def test_is_quiet_while_the_books_are_in_use(self, database, books, monkeypatch):
        monkeypatch.setattr(queries, "_RANGE", 1)
        ending = threading.Event()

        def swap() -> None:
            with database.connect() as conn:
                while not ending.is_set():
                    post(conn, books["one"], books["other"], 1)
                    post(conn, books["other"], books["one"], 1)
                    conn.commit()

        writer = threading.Thread(target=swap)
        writer.start()
        try:
            for _ in range(20):
                with database.connect() as conn, db.snapshot(conn):
                    assert ledger.verify(conn) == []
        finally:
            ending.set()
            writer.join()


class TestLedgerVerifyCommand:
    def test_says_that_the_books_are_right(self, run, books):
        done = run()
        assert done.exit_code == 0
        assert "The books are right: 5 transfers" in done.output

    def test_ends_with_1_and_shows_the_rows(self, run, owner, books):
        owner.execute(PLANTED["a balance"][0], books)
        done = run()
        assert done.exit_code == 1
        assert "The books are wrong" in done.output
        assert "balance_equals_entries" in done.output

    def test_gives_programs_one_object(self, run, owner, books):
        told = json.loads(run("--json").output)
        assert (told["ok"], told["transfers"], told["breaches"]) == (True, 5, [])
        owner.execute(PLANTED["a version"][0], books)
        done = run("--json")
        assert done.exit_code == 1
        [breach] = json.loads(done.output)["breaches"]
        assert (breach["invariant"], breach["difference"]) == ("versions_are_gapless", 1)

    def test_says_so_where_no_database_answers(self, run, monkeypatch):
        monkeypatch.setenv("TALLYSTICK_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
        done = run()
        assert done.exit_code == 1
        assert "The books were not read" in done.output


class TestMonths:
    @pytest.fixture
    def house(self, database) -> Iterator[bootstrap.House]:
        redis = {"TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0"}
        settings = load_settings({**database.environment, **redis}, env_file=None)
        house = bootstrap.House.from_settings(settings)
        yield house
        house.close()

    def check(self, house) -> None:
        [check] = [one for one in house.checks if one.name == "transfer_partitions"]
        assert not check.critical
        check.run()

    def test_are_made_ahead_by_a_daily_job(self, house, owner):
        self.check(house)
        months = owner.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'tallystick.transfer'::regclass"
            " AND inhrelid <> 'tallystick.transfer_outside_months'::regclass ORDER BY 1"
        ).fetchall()
        assert len(months) == 4
        for (month,) in months[1:]:
            owner.execute(f"DROP TABLE {month}")
        with pytest.raises(RuntimeError, match="Next month has no partition"):
            self.check(house)
        assert ("ledger.partitions", 86_400) in [
            (one.name, one.every_s) for one in house.registry.periodics
        ]
        house.registry.get("ledger.partitions").run()
        self.check(house)
        house.registry.get("ledger.partitions").run()

    def test_are_made_while_a_transfer_is_under_way(self, database, owner, books):
        owner.execute("SET lock_timeout = '5s'")
        with database.connect() as conn:
            post(conn, books["one"], books["other"], 1)
            made = owner.execute("SELECT tallystick.make_transfer_partitions(4)").fetchone()
            assert made == (1,)
            post(conn, books["one"], books["other"], 1)

    def test_alarm_where_a_transfer_has_none(self, house, owner, books):
        owner.execute(DISARM)
        owner.execute(PLANTED["a month without a partition"][0], books)
        with pytest.raises(RuntimeError, match="outside the months"):
            self.check(house)

    def test_take_in_what_fell_outside_them(self, house, owner, books):
        """A clock that went wrong, or a job that did not run: the strays find their month."""
        owner.execute("ALTER TABLE tallystick.transfer DISABLE TRIGGER USER")
        owner.execute(PLANTED["a month without a partition"][0], books)
        [last_month] = owner.execute(
            "SELECT max(inhrelid::regclass::text) FROM pg_inherits"
            " WHERE inhparent = 'tallystick.transfer'::regclass"
            " AND inhrelid <> 'tallystick.transfer_outside_months'::regclass"
        ).fetchone()
        owner.execute(f"DROP TABLE {last_month}")
        [millis] = owner.execute(
            "SELECT (extract(epoch FROM date_trunc('month', now()) + interval '3 months 5 days')"
            " * 1000)::bigint"
        ).fetchone()
        stray = f"{millis:012x}70008{0:015x}"
        owner.execute(
            "UPDATE tallystick.transfer SET id = %s::uuid WHERE id ="
            " (SELECT max(id::text)::uuid FROM tallystick.transfer)",
            (stray,),
        )
        strays = "SELECT count(*) FROM tallystick.transfer_outside_months"
        everything = "SELECT * FROM tallystick.transfer ORDER BY id"
        before = owner.execute(everything).fetchall()
        assert owner.execute(strays).fetchone() == (2,)
        owner.execute("ALTER TABLE tallystick.transfer ENABLE TRIGGER USER")
        house.registry.get("ledger.partitions").run()
        self.check(house)
        assert owner.execute(strays).fetchone() == (0,)
        assert owner.execute(everything).fetchall() == before
        with pytest.raises(psycopg.errors.RestrictViolation):
            owner.execute("DELETE FROM tallystick.transfer WHERE id = %s::uuid", (stray,))
        off = "SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'"
        assert owner.execute(off).fetchone() == (0,)
