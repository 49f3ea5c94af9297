"""Typed calls to the inbox's SQL. It decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection, Statements
from tallystick.webhooks import rules
from tallystick.webhooks.model import Event, Handled

__all__ = ["claim", "counts", "finish", "keep", "postpone", "wake"]

STATEMENTS: Final = Statements(__package__)


def keep(conn: Connection, provider: str, event: Event, *, now: datetime) -> bool:
    """Keep an event and return whether it is new."""
    found = _rows(
        conn,
        "keep",
        id=ids.new(),
        provider=provider,
        external_id=event.external_id,
        kind=event.kind,
        body=event.body,
        occurred_at=event.occurred_at,
        now=now,
    )
    return bool(found)


def wake(conn: Connection, channel: str) -> None:
    """Wake the drains that listen, once the transaction commits."""
    _rows(conn, "wake", channel=channel)


def claim(conn: Connection) -> tuple[str, Event] | None:
    """Lock the next event and return it with its provider; None where nothing is due."""
    found = _rows(conn, "claim")
    if not found:
        return None
    [(identity, provider, external_id, kind, occurred_at, body)] = found
    return provider, Event(external_id, kind, occurred_at, body, identity)


def finish(conn: Connection, event_id: UUID, how: Handled) -> None:
    """Record how a claimed event was left."""
    db.run(conn, STATEMENTS["finish"], {"id": event_id, "state": how.value})


def postpone(conn: Connection, event_id: UUID, *, error: str) -> None:
    """Record an error; the event is tried again later, up to the cap."""
    [(attempts,)] = _rows(conn, "attempts", id=event_id)
    values = {
        "id": event_id,
        "error": error,
        "wait_s": rules.wait_s(attempts + 1),
        "attempts_max": rules.ATTEMPTS_MAX,
    }
    db.run(conn, STATEMENTS["postpone"], values)


def counts(conn: Connection) -> dict[str, int]:
    """Return how many events stand in each state."""
    return dict(_rows(conn, "count_by_state"))


def _rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    return db.rows(conn, STATEMENTS[name], values)
