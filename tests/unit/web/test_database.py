"""Django's description of the database, and the gate that keeps people from waiting."""

from __future__ import annotations

import psycopg
import pytest

from tallystick.settings import load_settings
from tallystick.web.database import Gate, django_database, is_outage


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class TestGate:
    def test_is_open_until_somebody_fails(self) -> None:
        gate = Gate(now=Clock())
        assert [gate.admit() for _ in range(3)] == [True, True, True]

    def test_refuses_everyone_for_a_second_then_lets_one_try(self) -> None:
        clock = Clock()
        gate = Gate(now=clock)
        gate.failed()
        assert [gate.admit() for _ in range(3)] == [False, False, False]
        clock.now_s += 1.1
        assert [gate.admit() for _ in range(3)] == [True, False, False]

    def test_opens_when_the_one_succeeds(self) -> None:
        clock = Clock()
        gate = Gate(now=clock)
        gate.failed()
        clock.now_s += 1.1
        assert gate.admit()
        gate.succeeded()
        assert gate.is_open
        assert [gate.admit() for _ in range(3)] == [True, True, True]

    def test_lets_another_try_where_the_one_never_says(self) -> None:
        clock = Clock()
        gate = Gate(now=clock)
        gate.failed()
        clock.now_s += 1.1
        assert gate.admit()
        clock.now_s += 5.1
        assert [gate.admit() for _ in range(2)] == [True, False]


class TestIsOutage:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (psycopg.OperationalError("connection refused"), True),
            (psycopg.errors.AdminShutdown(), True),
            (psycopg.errors.ConnectionFailure(), True),
            (psycopg.errors.TooManyConnections(), True),
            (psycopg.errors.DeadlockDetected(), False),
            (psycopg.errors.LockNotAvailable(), False),
            (psycopg.errors.UndefinedTable(), False),
            (ValueError("no database at all"), False),
            (None, False),
        ],
    )
    def test_knows_an_absence_from_a_quarrel(
        self, error: BaseException | None, *, expected: bool
    ) -> None:
        assert is_outage(error) is expected

    def test_looks_behind_another_error(self) -> None:
        error = RuntimeError("a page failed")
        error.__cause__ = psycopg.OperationalError("gone")
        assert is_outage(error)


class TestDjangoDatabase:
    def test_takes_the_url_apart_and_keeps_the_rest_as_options(self) -> None:
        url = "postgresql://app:p%40ss@db.example:6543/books?sslmode=verify-full"
        settings = load_settings(
            {
                "TALLYSTICK_DATABASE_URL": url,
                "TALLYSTICK_REDIS_URL": "redis://127.0.0.1",
                "TALLYSTICK_DATABASE_POOL_MAX": "7",
            },
            env_file=None,
        )
        found = django_database(settings)
        names = {name: found[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
        assert names == {
            "NAME": "books",
            "USER": "app",
            "PASSWORD": "p@ss",
            "HOST": "db.example",
            "PORT": "6543",
        }
        assert found["ATOMIC_REQUESTS"] is True
        assert found["CONN_HEALTH_CHECKS"] is True
        assert found["OPTIONS"]["sslmode"] == "verify-full"
        assert found["OPTIONS"]["prepare_threshold"] is None
        assert found["OPTIONS"]["pool"]["max_size"] == 7
        assert found["OPTIONS"]["pool"]["timeout"] < 2

    def test_bounds_what_the_server_and_the_network_may_take(self) -> None:
        url = "postgresql://app@db.example/books?options=-c%20lock_timeout%3D1s"
        found = django_database(
            load_settings(
                {"TALLYSTICK_DATABASE_URL": url, "TALLYSTICK_REDIS_URL": "redis://127.0.0.1"},
                env_file=None,
            )
        )["OPTIONS"]
        assert found["tcp_user_timeout"] == 2_000
        for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert f"-c {name}=" in found["options"]
        # The address has the last word.
        assert found["options"].endswith("-c lock_timeout=1s")
