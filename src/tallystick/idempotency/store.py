"""Typed calls to the records' SQL. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tallystick import db
from tallystick.db import Connection, Statements
from tallystick.idempotency.errors import InFlight
from tallystick.idempotency.model import Outcome

__all__ = ["Record", "delete", "finish", "insert", "prune", "read"]

STATEMENTS: Final = Statements(__package__)
#: PostgreSQL's word for a lock that was not to be had in time.
_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class Record:
    """A key as it was committed."""

    fingerprint: bytes
    outcome: Outcome | None


def insert(
    conn: Connection, caller: str, key: str, *, fingerprint: bytes, now: datetime, wait_ms: int
) -> bool:
    """Keep the key and return whether it is new; raise InFlight where the wait was in vain."""
    [(before, _)] = _rows(conn, "wait_at_most", wait=f"{wait_ms}ms")
    try:
        values = {"caller": caller, "key": key, "fingerprint": fingerprint, "now": now}
        is_new = bool(_rows(conn, "insert_key", **values))
    except Exception as error:
        # Drivers agree on the attribute alone: the library runs on other people's connections.
        if getattr(error, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise InFlight("The first request with this key is still worked on. Try again.") from error
    _rows(conn, "wait_at_most", wait=before)
    return is_new


def read(conn: Connection, caller: str, key: str) -> Record | None:
    """Return what is committed of a key, or None."""
    found = _rows(conn, "read_key", caller=caller, key=key)
    if not found:
        return None
    [(fingerprint, status, response)] = found
    outcome = None if status is None else Outcome(status, bytes(response))
    return Record(bytes(fingerprint), outcome)


def finish(conn: Connection, caller: str, key: str, outcome: Outcome) -> bool:
    """Write a key's outcome and return whether it had none."""
    values = {"status": outcome.status, "response": outcome.response}
    return bool(_rows(conn, "finish_key", caller=caller, key=key, **values))


def delete(conn: Connection, caller: str, key: str) -> None:
    """Delete a key without an outcome."""
    db.run(conn, STATEMENTS["delete_key"], {"caller": caller, "key": key})


def prune(conn: Connection, *, before: datetime, most: int) -> int:
    """Delete so many records at most that are older, and return how many they were."""
    [(gone,)] = _rows(conn, "prune_keys", before=before, most=most)
    return int(gone)


def _rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    return db.rows(conn, STATEMENTS[name], values)
