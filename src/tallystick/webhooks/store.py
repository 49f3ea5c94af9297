"""Typed calls to the inbox's SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection, Statements, arrays
from tallystick.webhooks.model import Delivery, Event, EventState, Handled, Kept, Way
from tallystick.webhooks.rules import Due

__all__ = [
    "CHANNEL",
    "Postponed",
    "begin_again",
    "finish",
    "hold",
    "keep",
    "list_events",
    "postpone",
    "replay",
    "rows",
    "run",
    "take",
]


class Postponed(NamedTuple):
    """What becomes of an event that could not be handled."""

    state: EventState
    error: str
    #: Seconds until it is tried again.
    wait_s: int


STATEMENTS: Final = Statements(__package__)
#: Where a committed delivery wakes the drains (LISTEN).
CHANNEL: Final = "tallystick_webhook_event"


def rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a named statement that returns rows, and return them all."""
    return db.rows(conn, STATEMENTS[name], values)


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    db.run(conn, STATEMENTS[name], values)


def keep(
    conn: Connection, deliveries: Sequence[Delivery], *, now: datetime | None = None
) -> list[bool]:
    """Keep the events that are not kept yet, in one statement; return of each whether it is new.

    Without `now` they are received at the statement's own time. Waits for others that keep one of
    the same events: all do so in the events' order, so that nobody waits in a circle.
    """
    order = sorted(
        range(len(deliveries)),
        key=lambda at: (deliveries[at].provider, deliveries[at].event.external_id),
    )
    ones = [deliveries[at] for at in order]
    identities = [ids.new() for _ in order]
    found = rows(
        conn,
        "keep",
        id=arrays.uuids(identities),
        provider=arrays.texts(one.provider for one in ones),
        external_id=arrays.texts(one.event.external_id for one in ones),
        kind=arrays.texts(one.event.kind for one in ones),
        body=arrays.blobs(one.event.body for one in ones),
        occurred_at=arrays.moments(one.event.occurred_at for one in ones),
        source=arrays.texts(one.way.value for one in ones),
        state=arrays.texts("ignored" if one.event.is_silent else "received" for one in ones),
        now=now,
        channel=CHANNEL,
    )
    fresh = {identity for identity, _ in found}
    is_new = {at: identity in fresh for at, identity in zip(order, identities, strict=True)}
    return [is_new[at] for at in range(len(deliveries))]


def take(conn: Connection, *, events_max: int, attempts_max: int, lease_s: int) -> list[Due]:
    """Lock the events that are due and return them, those that have waited longest first.

    Of those that no run has left unended, and that have attempts left, one begins: nobody else
    takes them for so many seconds.
    """
    found = rows(conn, "take", events_max=events_max, attempts_max=attempts_max, lease_s=lease_s)
    return sorted((Due(*row) for row in found), key=lambda one: one.late_s, reverse=True)


def begin_again(conn: Connection, event: Due, *, lease_s: int) -> bool:
    """Note that a run begins with an event whose last one never ended, as `take` does with others.

    Returns False where it does not wait any more, or somebody else has begun with it meanwhile.
    """
    return bool(rows(conn, "begin_again", id=event.id, attempts=event.attempts, lease_s=lease_s))


def hold(conn: Connection, event_ids: Collection[UUID]) -> list[tuple[Event, int]]:
    """Lock those of the events that still wait and are free; return them with their attempts."""
    found = rows(conn, "hold", id=arrays.uuids(event_ids))
    return [
        (Event(external_id, kind, occurred_at, body, identity, received_at), attempts)
        for identity, external_id, kind, occurred_at, body, received_at, attempts in found
    ]


def finish(conn: Connection, left: Mapping[UUID, Handled]) -> None:
    """Record how events were left."""
    states = arrays.texts(how.value for how in left.values())
    run(conn, "finish", id=arrays.uuids(left), state=states)


def postpone(conn: Connection, errors: Mapping[UUID, Postponed], *, is_begun: bool) -> None:
    """Record what went wrong with events; with `is_begun` the next run has each alone."""
    found = errors.values()
    run(
        conn,
        "postpone",
        id=arrays.uuids(errors),
        state=arrays.texts(one.state.value for one in found),
        error=arrays.texts(one.error for one in found),
        wait_s=arrays.integers(one.wait_s for one in found),
        is_begun=is_begun,
    )


def replay(conn: Connection, event_ids: Collection[UUID]) -> None:
    """Let events be processed again, and wake the drains for them."""
    run(conn, "replay", id=arrays.uuids(event_ids))
    rows(conn, "wake", channel=CHANNEL)


def ignore(conn: Connection, event_id: UUID) -> None:
    """Leave an event that waits: it says nothing about us."""
    run(conn, "ignore", id=event_id)


def list_events(conn: Connection, name: str, **values: object) -> list[Kept]:
    """Return the events that a statement lists."""
    found = db.records(conn, STATEMENTS[name], values)
    return [
        Kept(**{**row, "state": EventState(row["state"]), "way": Way(row["way"])}) for row in found
    ]
