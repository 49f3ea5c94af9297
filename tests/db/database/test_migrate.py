"""The runner: once each, in order, with their hashes; blocked or changed files stop it."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from tallystick.database import (
    Migration,
    MigrationChanged,
    RoleMissing,
    admit_login,
    migrate,
    migrations,
)


@pytest.fixture
def empty_url(cluster, database) -> Iterator[str]:
    name = f"{database.name}_empty"
    with psycopg.connect(cluster.owner_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        yield psycopg.conninfo.make_conninfo(cluster.owner_url, dbname=name)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def more(text: str, *, number: int | None = None) -> tuple[Migration, ...]:
    known = migrations()
    place = len(known) + 1 if number is None else number
    digest = hashlib.sha256(text.encode()).hexdigest()
    return (*known, Migration(place, f"{place:03}_test.sql", text, digest))


def history(url: str) -> list[tuple[int, str]]:
    with psycopg.connect(url) as conn:
        statement = "SELECT number, sha256 FROM tallystick.migration ORDER BY number"
        return conn.execute(statement).fetchall()


class TestMigrate:
    def test_applies_each_file_once_and_keeps_its_hash(self, empty_url):
        names = [migration.name for migration in migrations()]
        assert migrate(empty_url) == names
        assert migrate(empty_url) == []
        assert history(empty_url) == [(known.number, known.sha256) for known in migrations()]

    def test_refuses_a_file_that_changed_since(self, empty_url):
        migrate(empty_url)
        first, *rest = migrations()
        changed = Migration(first.number, first.name, first.text, "0" * 64)
        with pytest.raises(MigrationChanged, match=first.name):
            migrate(empty_url, known=(changed, *rest))

    def test_leaves_nothing_of_a_file_that_fails(self, empty_url):
        migrate(empty_url)
        broken = more("CREATE TABLE tallystick.half (id int); SELECT 1/0;")
        with pytest.raises(psycopg.errors.DivisionByZero):
            migrate(empty_url, known=broken)
        with psycopg.connect(empty_url) as conn:
            assert conn.execute("SELECT to_regclass('tallystick.half')").fetchone() == (None,)
        assert len(history(empty_url)) == len(migrations())

    def test_runs_a_file_outside_a_transaction_when_it_asks(self, empty_url):
        migrate(empty_url)
        alone = more(
            "-- no transaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_state"
            " ON tallystick.mail (state);\n"
        )
        assert migrate(empty_url, known=alone) == [alone[-1].name]
        with psycopg.connect(empty_url) as conn:
            found = conn.execute("SELECT to_regclass('tallystick.by_state')::text").fetchone()
        assert found == ("tallystick.by_state",)

    def test_tries_again_as_the_victim_of_a_deadlock(self, empty_url):
        """It locks the account first and then the payment; a deed in flight the other way round.

        Who waits for a lock looks for a deadlock after a second, and the first who finds one is
        its victim. So the deed comes later by a part of that.
        """
        migrate(empty_url)
        added = more(
            "ALTER TABLE tallystick.account ADD COLUMN test int;"
            "ALTER TABLE tallystick.payment ADD COLUMN test int;"
        )
        waits = (
            "SELECT 1 FROM pg_locks WHERE relation = 'tallystick.payment'::regclass"
            " AND waitstart < clock_timestamp() - interval '0.3 s'"
        )
        with ThreadPoolExecutor(1) as threads, psycopg.connect(empty_url) as deed:
            deed.execute("LOCK TABLE tallystick.payment IN ROW EXCLUSIVE MODE")
            runner = threads.submit(migrate, empty_url, known=added)
            while not deed.execute(waits).fetchone():
                assert not runner.done()
            # On a machine that has stood still meanwhile, the victim is the deed.
            with contextlib.suppress(psycopg.errors.DeadlockDetected):
                deed.execute("LOCK TABLE tallystick.account IN ROW EXCLUSIVE MODE")
            deed.rollback()
            assert runner.result(30) == [added[-1].name]
        assert len(history(empty_url)) == len(added)

    def test_waits_for_another_runner(self, empty_url):
        results: list[list[str]] = []
        runners = [
            threading.Thread(target=lambda: results.append(migrate(empty_url))) for _ in range(4)
        ]
        for runner in runners:
            runner.start()
        for runner in runners:
            runner.join()
        assert sorted(map(len, results)) == [0, 0, 0, len(migrations())]

    def test_makes_the_partitions_of_the_months_to_come(self, empty_url):
        migrate(empty_url, months_ahead=5)
        with psycopg.connect(empty_url) as conn:
            count = conn.execute(
                "SELECT count(*) FROM pg_inherits WHERE inhparent = 'tallystick.transfer'::regclass"
            ).fetchone()
        assert count == (7,)


class TestAdmitLogin:
    def test_says_what_a_superuser_must_run_where_it_may_not(self, database):
        with psycopg.connect(database.application_url, autocommit=True) as conn:
            url = "postgresql://somebody_else:secret-phrase@127.0.0.1/x"
            with pytest.raises(RoleMissing, match="CREATE ROLE") as refusal:
                admit_login(conn, application_url=url)
        assert "secret-phrase" not in str(refusal.value)
        assert "SCRAM" not in str(refusal.value)

    def test_lets_the_login_in_once_and_again(self, database):
        with psycopg.connect(database.owner_url, autocommit=True) as conn:
            first = admit_login(conn, application_url=database.application_url)
            assert admit_login(conn, application_url=database.application_url) == first
