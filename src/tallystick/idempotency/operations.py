"""The verbs that write records, inside the caller's transaction. They never commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from tallystick.db import Connection
from tallystick.idempotency import rules
from tallystick.idempotency import store as rows
from tallystick.idempotency.errors import InFlight, KeyReused
from tallystick.idempotency.model import Claim, Name, Outcome, Record
from tallystick.idempotency.rules import KEPT_FOR

__all__ = ["claim", "find", "forget", "prune", "store"]

#: How long a second request waits for the first.
_WAIT_MS: Final = 2_000
_BATCH: Final = 10_000
_GONE_AGAIN: Final = 3


def claim(
    conn: Connection, claims: Sequence[Claim], *, now: datetime, wait_ms: int = _WAIT_MS
) -> dict[Name, Record]:
    """Take the keys, and return what stands for those that are taken already.

    A key that is not in the answer is the caller's alone until this transaction ends: `store` or
    `forget` must follow. Each key comes once. Waits up to `wait_ms` for another transaction with
    one of them, then raises InFlight, and the transaction or its savepoint must be rolled back.
    It is the first lock that deeds take, in order of caller and key.
    """
    wanted = sorted(claims, key=lambda asked: asked.name)
    known: dict[Name, Record] = {}
    for _ in range(_GONE_AGAIN):
        taken = rows.insert(conn, wanted, now=now, wait_ms=wait_ms)
        wanted = [asked for asked in wanted if asked.name not in taken]
        if wanted:
            known |= rows.read(conn, [asked.name for asked in wanted])
        # One whose row went meanwhile, by the pruner's hand, is taken at the next look.
        wanted = [asked for asked in wanted if asked.name not in known]
        if not wanted:
            return known
    raise InFlight("The first request with this key ends just now. Try again.")


def find(conn: Connection, asked: Claim) -> Outcome | None:
    """Return what a key stands for, as last committed; None where it is free or undecided.

    It locks nothing: a hint, which spares a replay the way to its deed. Raises KeyReused.
    """
    record = rows.read(conn, [asked.name]).get(asked.name)
    known = None if record is None else rules.judge(asked, record)
    if isinstance(known, KeyReused):
        raise known
    return known if isinstance(known, Outcome) else None


def store(conn: Connection, outcomes: Mapping[Name, Outcome]) -> None:
    """Keep the outcomes of claimed keys; a replay gets these bytes."""
    kept = rows.finish(conn, outcomes)
    assert kept == len(outcomes), "only a claimed key without an outcome can get one"


def forget(conn: Connection, names: Sequence[Name]) -> None:
    """Give claimed keys back: nothing was decided, and the next request with one decides."""
    rows.delete(conn, names)


def prune(conn: Connection, *, now: datetime) -> int:
    """Delete a batch of records older than 90 days and return how many they were."""
    return rows.prune(conn, before=now - KEPT_FOR, most=_BATCH)
