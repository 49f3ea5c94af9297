"""Typed calls to the records' SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from tallystick import db
from tallystick.db import Connection, Statements, arrays
from tallystick.idempotency.errors import InFlight
from tallystick.idempotency.model import Claim, Name, Outcome, Record

__all__ = ["delete", "finish", "insert", "prune", "read"]

STATEMENTS: Final = Statements(__package__)
#: PostgreSQL's word for a lock that was not to be had in time.
_LOCK_NOT_AVAILABLE: Final = "55P03"


def insert(conn: Connection, claims: Sequence[Claim], *, now: datetime, wait_ms: int) -> set[Name]:
    """Keep the keys and return those that are new; raise InFlight where the wait was in vain."""
    [(before, _)] = _rows(conn, "wait_at_most", wait=f"{wait_ms}ms")
    try:
        found = _rows(
            conn,
            "insert_keys",
            **_columns([asked.name for asked in claims]),
            fingerprint=arrays.blobs(asked.fingerprint for asked in claims),
            now=now,
        )
    except Exception as error:
        # Drivers agree on the attribute alone: the library runs on other people's connections.
        if getattr(error, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise InFlight("The first request with this key is still worked on. Try again.") from error
    _rows(conn, "wait_at_most", wait=before)
    return {(caller, key) for caller, key in found}


def read(conn: Connection, names: Sequence[Name]) -> dict[Name, Record]:
    """Return what is committed of the keys."""
    return {
        (caller, key): Record(
            bytes(fingerprint), None if status is None else Outcome(status, bytes(response))
        )
        for caller, key, fingerprint, status, response in _rows(
            conn, "read_keys", **_columns(names)
        )
    }


def finish(conn: Connection, outcomes: Mapping[Name, Outcome]) -> int:
    """Write the outcomes of keys that have none, and return how many were written."""
    return len(
        _rows(
            conn,
            "finish_keys",
            **_columns(list(outcomes)),
            status=arrays.integers(outcome.status for outcome in outcomes.values()),
            response=arrays.blobs(outcome.response for outcome in outcomes.values()),
        )
    )


def delete(conn: Connection, names: Sequence[Name]) -> None:
    """Delete keys without an outcome."""
    db.run(conn, STATEMENTS["delete_keys"], _columns(names))


def prune(conn: Connection, *, before: datetime, most: int) -> int:
    """Delete so many records at most that are older, and return how many they were."""
    [(gone,)] = _rows(conn, "prune_keys", before=before, most=most)
    return int(gone)


def _columns(names: Sequence[Name]) -> dict[str, object]:
    return {
        "callers": arrays.texts(caller for caller, _ in names),
        "keys": arrays.texts(key for _, key in names),
    }


def _rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    return db.rows(conn, STATEMENTS[name], values)
