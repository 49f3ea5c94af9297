"""The verb of the inbox: keep once what was verified. It processes nothing."""

from __future__ import annotations

from datetime import datetime

from tallystick.db import Connection
from tallystick.webhooks import store
from tallystick.webhooks.handlers import CHANNEL
from tallystick.webhooks.model import Event, Receipt

__all__ = ["receive"]


def receive(
    conn: Connection,
    *,
    provider: str,
    event: Event,
    now: datetime,
) -> Receipt:
    """Keep an event that its provider's Verifier has read, and say whether it is new.

    The row is durable once the caller's transaction commits: answer 2xx only then.
    """
    is_new = store.keep(conn, provider, event, now=now)
    if is_new:
        store.wake(conn, CHANNEL)
    return Receipt(event.external_id, is_new)
