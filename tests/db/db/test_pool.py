"""The pool: bounded, healed by itself, and quick to say that the database is gone."""

from __future__ import annotations

import time

import psycopg
import pytest

from tallystick import db
from tallystick.db import ClockFixed, DatabaseUnavailable, Pool


def _advance_twice(conn):
    db.advance(conn, seconds=5, environment="development")
    db.advance(conn, seconds=-5, environment="development")


class TestTransaction:
    def test_commits_at_the_end_and_rolls_back_on_an_error(self, database, pool_of):
        pool = pool_of(database.application_url)
        with pool.transaction() as conn:
            db.advance(conn, seconds=5, environment="development")
        with pytest.raises(ClockFixed), pool.transaction() as conn:
            _advance_twice(conn)
        assert database.scalar("SELECT offset_s FROM tallystick.test_clock") == 5

    def test_says_so_when_every_connection_is_taken(self, database):
        pool = Pool(database.application_url, size_max=1, timeout_s=1, application_name="test")
        started = time.monotonic()
        with (
            pool.transaction(),
            pytest.raises(DatabaseUnavailable),
            pool.transaction(),
        ):
            pass
        assert time.monotonic() - started < 3
        pool.close()

    def test_says_so_when_nothing_answers(self):
        pool = Pool(
            "postgresql://x@127.0.0.1:9/x", size_max=2, timeout_s=1, application_name="test"
        )
        with pytest.raises(DatabaseUnavailable), pool.transaction():
            pass
        pool.close()

    def test_heals_after_its_connections_were_cut(self, database, pool_of):
        pool = pool_of(database.application_url)
        with pool.transaction() as conn:
            conn.execute("SELECT 1")
        with psycopg.connect(database.application_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user"
                " AND pid <> pg_backend_pid()"
            )
        with pool.transaction() as conn:
            assert conn.execute("SELECT 1").fetchone() == (1,)

    def test_prepares_what_comes_again_and_lives_through_a_change_of_the_schema(
        self, database, pool_of
    ):
        pool = pool_of(database.application_url)
        statement = "SELECT wallet.* FROM tallystick.wallet WHERE wallet.owner = %(owner)s"
        prepared = (
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT wallet.%'"
        )

        def read() -> int:
            with pool.transaction() as conn:
                db.rows(conn, statement, {"owner": "nobody"})
                return db.rows(conn, prepared)[0][0]

        assert [read() for _ in range(5)][-1] == 1
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("ALTER TABLE tallystick.wallet ADD COLUMN shade text")
        with pytest.raises(DatabaseUnavailable):
            read()
        assert read() == 0, "on a connection of its own"

    def test_tells_what_was_never_supported_as_it_is(self, database, pool_of):
        pool = pool_of(database.application_url)
        with pytest.raises(psycopg.errors.FeatureNotSupported), pool.transaction() as conn:
            conn.execute("SELECT 'NaN'::numeric::int")


class TestIsFresh:
    @pytest.fixture
    def fresh(self, database):
        with db.connect(database.application_url, application_name="fresh") as conn:
            conn.execute("SELECT 1")
            conn.commit()
            yield conn

    def test_is_who_was_heard_just_now(self, fresh):
        assert fresh.is_fresh
        fresh.heard_at -= 1.1
        assert not fresh.is_fresh

    def test_is_nobody_who_has_said_farewell(self, fresh, database):
        with psycopg.connect(database.application_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 1000)", (fresh.info.backend_pid,))
        assert not fresh.is_fresh

    def test_is_nobody_who_is_closed(self, fresh):
        fresh.close()
        assert not fresh.is_fresh


class TestConnect:
    def test_raises_past_its_deadline(self):
        with pytest.raises(DatabaseUnavailable):
            db.connect("postgresql://x@127.0.0.1:9/x", application_name="test", timeout_s=1)
