"""The poller: reads providers' own lists of events, and keeps what nobody has delivered.

A list is read in whole, and the cursor moves only then, never past what was left for later. No
transaction is open while a provider is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from tallystick import db
from tallystick.db import Pool
from tallystick.webhooks import store
from tallystick.webhooks.model import Delivery, Event, Gauges, Silent, Source, Way

__all__ = ["POLL", "poll"]

#: The job.
POLL: Final = "webhooks.poll"
#: How far the first look goes back: as long as Stripe itself goes on delivering.
_FIRST_LOOK: Final = timedelta(days=3)
#: Lists are not consistent at once: what stands in them late is found within so much.
_OVERLAP: Final = timedelta(minutes=10)
#: A younger event is left for its delivery, which is on its way, and for the next look.
_PATIENCE: Final = timedelta(seconds=60)
#: Events that one transaction keeps.
_CHUNK: Final = 100

log: Final = structlog.get_logger(__name__)


def poll(
    *,
    pool: Pool,
    sources: Mapping[str, Source],
    outside_now: Callable[[], datetime],
    gauges: Gauges | None = None,
) -> None:
    """Read the list of each provider, and keep what is missing in the inbox.

    `outside_now` is the time by which providers stamp. Raises what the last provider that could
    not be read raised, after all others had their turn; a job tries again.
    """
    trouble: Exception | None = None
    for provider, source in sources.items():
        try:
            _look(pool, provider, source, outside_now(), gauges or Silent())
        except Exception as error:  # noqa: BLE001 - one provider's trouble delays no other
            log.warning("webhook_poll_failed", provider=provider, trouble=repr(error))
            trouble = error
    if trouble is not None:
        raise trouble


def _look(pool: Pool, provider: str, source: Source, now: datetime, gauges: Gauges) -> None:
    """Read a provider's list from the cursor on, keep what is missing, move the cursor."""
    with pool.transaction() as conn:
        found = store.rows(conn, "read_cursor", provider=provider)
    read_until = found[0][0] if found else now - _FIRST_LOOK
    since = read_until - _OVERLAP
    ripe = (event for event in source.events(since) if event.occurred_at <= now - _PATIENCE)
    for chunk in _chunks(ripe):
        deliveries = [Delivery(provider, event, Way.POLLED) for event in chunk]
        with pool.transaction() as conn:
            is_new = store.keep(conn, deliveries, now=db.now(conn))
        gauges.kept(provider, Way.POLLED, new=sum(is_new), again=len(is_new) - sum(is_new))
        read_until = max(read_until, *(event.occurred_at for event in chunk))
        for event, new in zip(chunk, is_new, strict=True):
            if new:
                log.warning(
                    "webhook_never_delivered", external_id=event.external_id, kind=event.kind
                )
    with pool.transaction() as conn:
        store.run(conn, "move_cursor", provider=provider, read_until=read_until)


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    rest = iter(events)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
