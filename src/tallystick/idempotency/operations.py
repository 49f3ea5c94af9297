"""The verbs that write records, inside the caller's transaction. They never commit."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from tallystick.db import Connection
from tallystick.idempotency import store as rows
from tallystick.idempotency.errors import InFlight, KeyReused
from tallystick.idempotency.model import Outcome
from tallystick.idempotency.rules import KEPT_FOR

__all__ = ["claim", "forget", "prune", "store"]

#: How long a second request waits for the first.
_WAIT_MS: Final = 2_000
_BATCH: Final = 10_000
_GONE_AGAIN: Final = 3


def claim(
    conn: Connection, *, caller: str, key: str, fingerprint: bytes, now: datetime
) -> Outcome | None:
    """Take the key, or return the outcome that it has already.

    None means that the key is the caller's alone until this transaction ends: `store` must
    follow, or `forget`. Waits up to 2 s for another transaction with the same key, then raises
    InFlight, and the transaction or its savepoint must be rolled back. Raises KeyReused where
    the fingerprint differs. It is the first lock that a deed takes.
    """
    for _ in range(_GONE_AGAIN):
        if rows.insert(conn, caller, key, fingerprint=fingerprint, now=now, wait_ms=_WAIT_MS):
            return None
        found = rows.read(conn, caller, key)
        if found is not None:
            break
    else:
        raise InFlight("The first request with this key ends just now. Try again.")
    if found.fingerprint != fingerprint:
        raise KeyReused("This idempotency key stands for another request: use a new one.")
    if found.outcome is None:
        raise InFlight("The first request with this key has no outcome yet. Try again.")
    return found.outcome


def store(conn: Connection, *, caller: str, key: str, outcome: Outcome) -> None:
    """Keep the outcome of a claimed key; a replay gets these bytes."""
    is_kept = rows.finish(conn, caller, key, outcome)
    assert is_kept, "only a claimed key without an outcome can get one"


def forget(conn: Connection, *, caller: str, key: str) -> None:
    """Give a claimed key back: nothing was decided, and the next request decides."""
    rows.delete(conn, caller, key)


def prune(conn: Connection, *, now: datetime) -> int:
    """Delete a batch of records older than 90 days and return how many they were."""
    return rows.prune(conn, before=now - KEPT_FOR, most=_BATCH)
