"""The inbox's drain: claims events one by one and lets their handlers do what follows.

Two drains never have the same event in hand. An error keeps the event, to be tried later.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from tallystick.db import Pool
from tallystick.webhooks import store
from tallystick.webhooks.model import Event, Handled, Handler

__all__ = ["CHANNEL", "drain"]

#: Where a committed delivery wakes the drains (LISTEN).
CHANNEL: Final = "tallystick_webhook_event"

log: Final = structlog.get_logger(__name__)


def drain(*, pool: Pool, handlers: Mapping[str, Handler]) -> int:
    """Process the next due event in one transaction; return how many there were: 0 or 1."""
    claimed: Event | None = None
    try:
        with pool.transaction() as conn:
            found = store.claim(conn)
            if found is None:
                return 0
            provider, claimed = found
            handler = handlers.get(provider)
            how = handler.handle(conn, claimed) if handler else Handled.IGNORED
            assert claimed.id is not None
            store.finish(conn, claimed.id, how)
    except Exception as trouble:
        if claimed is None or claimed.id is None:
            raise
        log.exception("webhook_event_postponed", external_id=claimed.external_id, kind=claimed.kind)
        with pool.transaction() as conn:
            store.postpone(conn, claimed.id, error=f"{type(trouble).__name__}: {trouble}"[:500])
    return 1
