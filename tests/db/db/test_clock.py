"""The database's clock, and the test clock upon it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tallystick import db
from tallystick.cli.migrate import guard_test_clock
from tallystick.db import ClockFixed


class TestNow:
    def test_is_the_transactions_time(self, conn):
        assert db.now(conn) == db.now(conn)
        assert abs(db.now(conn) - datetime.now(UTC)) < timedelta(minutes=1)


class TestAdvance:
    def test_moves_time_on_for_everyone_who_asks(self, database):
        with database.connect() as conn:
            before = db.now(conn)
            after = db.advance(conn, seconds=3 * 86_400, environment="development")
            assert after - before == timedelta(days=3)
            db.advance(conn, seconds=60, environment="development")
        with database.connect() as other:
            assert db.now(other) - before >= timedelta(days=3, seconds=60)

    def test_never_moves_in_production(self, conn):
        with pytest.raises(ClockFixed):
            db.advance(conn, seconds=1, environment="production")

    def test_never_moves_back(self, conn):
        with pytest.raises(ClockFixed):
            db.advance(conn, seconds=-1, environment="development")


class TestBack:
    def test_makes_it_today_again_for_everyone(self, database):
        with psycopg.connect(database.owner_url) as owner:
            db.advance(owner, seconds=3 * 86_400, environment="development")
            assert db.back(owner, environment="development") - datetime.now(UTC) < timedelta(
                hours=1
            )
        with database.connect() as other:
            assert abs(db.now(other) - datetime.now(UTC)) < timedelta(minutes=1)

    def test_never_moves_in_production(self, conn):
        with pytest.raises(ClockFixed):
            db.back(conn, environment="production")


class TestProduction:
    def test_takes_the_clock_away_from_the_application(self, database):
        with database.connect() as conn:
            db.advance(conn, seconds=60, environment="development")
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            guard_test_clock(owner, "production")
        with database.connect() as conn:
            assert abs(db.now(conn) - datetime.now(UTC)) < timedelta(seconds=30)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.advance(conn, seconds=60, environment="development")
