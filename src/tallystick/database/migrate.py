"""The runner: numbered files, one advisory lock, a lock_timeout, one transaction a file.

It goes forward only and refuses a history that is not its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import psycopg

from tallystick.database.errors import MigrationBlocked, MigrationChanged
from tallystick.database.model import Migration, migrations
from tallystick.database.roles import ensure_application_role

__all__ = ["migrate"]

#: Any number will do, as long as every runner takes the same.
_ADVISORY_LOCK: Final = 7_461_900_451
_LOCK_TRIES: Final = 5

_HISTORY: Final = """
CREATE SCHEMA IF NOT EXISTS tallystick;
CREATE TABLE IF NOT EXISTS tallystick.migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE tallystick.migration IS 'The migrations that this database has';
COMMENT ON COLUMN tallystick.migration.number IS 'Its place in the order';
COMMENT ON COLUMN tallystick.migration.name IS 'Its file';
COMMENT ON COLUMN tallystick.migration.sha256 IS 'What the file was when it was applied';
COMMENT ON COLUMN tallystick.migration.applied_at IS 'The raw database clock';
GRANT SELECT ON tallystick.migration TO tallystick_application;
"""


def migrate(
    owner_url: str,
    *,
    months_ahead: int = 3,
    report: Callable[[str], None] = lambda _: None,
    known: tuple[Migration, ...] | None = None,
) -> list[str]:
    """Bring the database up to date as its owner and return the names of what was applied.

    Runners wait for one another. Makes the transfers' partitions of this month and of the next
    `months_ahead` ones. Raises MigrationChanged, MigrationBlocked and RoleMissing.
    """
    known = migrations() if known is None else known
    with psycopg.connect(owner_url, autocommit=True, application_name="tallystick-migrate") as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        ensure_application_role(conn)
        # NOTICEs of IF NOT EXISTS say nothing new.
        conn.execute("SET client_min_messages = warning")
        with conn.transaction():
            conn.execute(_HISTORY)
        applied = []
        for migration in _pending(conn, known):
            started = time.perf_counter()
            _apply(conn, migration)
            report(f"{migration.name} in {time.perf_counter() - started:.2f} s")
            applied.append(migration.name)
        conn.execute("SELECT tallystick.make_transfer_partitions(%s)", (months_ahead,))
    return applied


def _pending(conn: psycopg.Connection, known: tuple[Migration, ...]) -> list[Migration]:
    rows = conn.execute("SELECT number, sha256, name FROM tallystick.migration").fetchall()
    hashes = {number: digest for number, digest, _ in rows}
    for migration in known:
        if hashes.get(migration.number, migration.sha256) != migration.sha256:
            raise MigrationChanged(
                f"{migration.name} has changed since this database got it: put the file back and"
                " write the change as a new migration."
            )
    return [migration for migration in known if migration.number not in hashes]


def _apply(conn: psycopg.Connection, migration: Migration) -> None:
    for attempt in range(1, _LOCK_TRIES + 1):
        try:
            if migration.is_alone:
                _run_alone(conn, migration)
            else:
                with conn.transaction():
                    conn.execute("SET LOCAL lock_timeout = '5s'")
                    conn.execute(migration.text)
                    _remember(conn, migration)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if attempt == _LOCK_TRIES:
                raise MigrationBlocked(
                    f"{migration.name} tried {_LOCK_TRIES} times to get a lock, for up to 5 s each."
                    " Find who holds it with pg_blocking_pids() and run migrate again: nothing is"
                    " half done."
                ) from error
        else:
            return


def _run_alone(conn: psycopg.Connection, migration: Migration) -> None:
    """Run statement by statement; each must be safe to run again, for a kill in between."""
    conn.execute("SET lock_timeout = '5s'")
    try:
        for statement in migration.text.split(";\n"):
            if statement.strip():
                conn.execute(statement)
    finally:
        conn.execute("RESET lock_timeout")
    _remember(conn, migration)


def _remember(conn: psycopg.Connection, migration: Migration) -> None:
    conn.execute(
        "INSERT INTO tallystick.migration (number, name, sha256) VALUES (%s, %s, %s)",
        (migration.number, migration.name, migration.sha256),
    )
