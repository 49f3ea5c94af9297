"""The verbs of the inbox: keep once what was verified, and let it be processed again.

They process nothing themselves.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db import Connection
from tallystick.webhooks import rules, store
from tallystick.webhooks.errors import EventBlanked, EventNotFound, EventNotReplayable
from tallystick.webhooks.model import Delivery, Event, EventState, Receipt, Way

__all__ = ["REPLAYED_MAX", "ignore", "receive", "replay", "replay_failed"]

#: Events that one transaction lets be processed again.
REPLAYED_MAX: Final = 1_000


def receive(
    conn: Connection, *, provider: str, event: Event, now: datetime, way: Way = Way.DELIVERED
) -> Receipt:
    """Keep an event that its provider's Verifier has read, and say whether it is new.

    The row is durable once the caller's transaction commits: answer 2xx only then.
    """
    [is_new] = store.keep(conn, [Delivery(provider, event, way)], now=now)
    return Receipt(event.external_id, is_new)


def replay(conn: Connection, *, event_id: UUID) -> None:
    """Let a failed or ignored event be processed again, once the transaction commits.

    Locks the event. Raises EventNotFound, EventNotReplayable and EventBlanked.
    """
    found = store.rows(conn, "lock_event", id=event_id)
    if not found:
        raise EventNotFound("There is no such event in the inbox.")
    [(state, has_body)] = found
    if EventState.RECEIVED not in rules.ALLOWED[EventState(state)]:
        raise EventNotReplayable(event_id, EventState(state))
    if not has_body:
        raise EventBlanked("The event is older than 180 days, and its body is gone.")
    store.replay(conn, [event_id])


def ignore(conn: Connection, *, event_id: UUID) -> None:
    """Leave an event that says nothing about us: it is not processed again by itself.

    One that is processed, or has failed, stays as it is.
    """
    store.ignore(conn, event_id)


def replay_failed(
    conn: Connection, *, since: datetime, until: datetime, provider: str | None = None
) -> int:
    """Let the failed events be processed again that were received in [since, until).

    Takes the oldest 1,000 that still have their body, locks them, and returns how many they are.
    """
    found = store.rows(
        conn, "failed", since=since, until=until, provider=provider, events_max=REPLAYED_MAX
    )
    store.replay(conn, [event_id for (event_id,) in found])
    return len(found)
