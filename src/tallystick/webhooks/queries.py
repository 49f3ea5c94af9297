"""Reads of the inbox, for operators, for health and for tests. They lock nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db import Connection, arrays
from tallystick.webhooks import store
from tallystick.webhooks.model import EventState, Kept

__all__ = [
    "LISTED_MAX",
    "count_by_state",
    "count_failed",
    "events",
    "gaps",
    "mentions",
    "oldest_due_s",
]

#: Events that one call lists.
LISTED_MAX: Final = 200


def events(
    conn: Connection,
    *,
    state: EventState | None = None,
    provider: str | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> list[Kept]:
    """Return events without their bodies, newest first, at most 200; those before one of them."""
    return store.list_events(
        conn,
        "events",
        state=None if state is None else state.value,
        provider=provider,
        before=before,
        events_max=min(limit, LISTED_MAX),
    )


def gaps(conn: Connection, *, provider: str | None = None, limit: int = 50) -> list[Kept]:
    """Return the events that the poller found before anybody delivered them, newest first."""
    return store.list_events(conn, "gaps", provider=provider, events_max=min(limit, LISTED_MAX))


def mentions(conn: Connection, *, texts: Sequence[str], among: int = LISTED_MAX) -> list[Kept]:
    """Return those of the newest events whose body has one of the texts in it, newest first.

    It reads bodies, `among` of them at most: for a lab or an operator, not for a path of requests.
    """
    wanted = arrays.blobs([text.encode() for text in texts])
    return store.list_events(conn, "mentions", texts=wanted, among=min(among, LISTED_MAX))


def count_failed(
    conn: Connection, *, since: datetime, until: datetime, provider: str | None = None
) -> int:
    """Return how many failed events of [since, until) could be replayed."""
    [(count,)] = store.rows(conn, "count_failed", since=since, until=until, provider=provider)
    return int(count)


def count_by_state(conn: Connection) -> dict[str, int]:
    """Return how many events stand in each state; states without events are left out."""
    return dict(store.rows(conn, "count_by_state"))


def oldest_due_s(conn: Connection) -> float:
    """Return for how many seconds the oldest event that waits has been due; 0 where none is."""
    [(late_s,)] = store.rows(conn, "oldest_due")
    return late_s or 0.0
