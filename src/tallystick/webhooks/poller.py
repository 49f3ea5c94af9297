"""The poller: reads providers' own lists of events, and keeps what nobody has delivered.

A list is read in slices of time, the oldest first, and the cursor moves with each that was read in
whole, never past what was left for later. No transaction is open while a provider is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

import structlog

from tallystick import db
from tallystick.db import Pool
from tallystick.webhooks import store
from tallystick.webhooks.model import (
    Delivery,
    Event,
    Gauges,
    Silent,
    Source,
    SourceAway,
    Way,
)

__all__ = ["POLL", "poll"]

#: The job.
POLL: Final = "webhooks.poll"
#: How far the first look goes back: as long as Stripe itself goes on delivering.
_FIRST_LOOK: Final = timedelta(days=3)
#: Lists are not consistent at once: what stands in them late is found within so much.
_OVERLAP: Final = timedelta(minutes=10)
#: A younger event is left for its delivery, which is on its way, and for the next look.
_PATIENCE: Final = timedelta(seconds=60)
#: What a look that ends in the middle has to read again, at most. The last slice is up to twice as
#: long: the cursor leaves empty time behind only where it is so old that no clock is that wrong.
_SLICE: Final = timedelta(hours=1)
#: A look goes on no longer than that: the next one does.
_LOOK: Final = timedelta(seconds=45)
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

    `outside_now` is the time by which providers stamp. A provider that is away is a warning: the
    next look goes on there. Raises any other error, the last of them after all providers had their
    turn.
    """
    trouble: Exception | None = None
    for provider, source in sources.items():
        try:
            _look(pool, provider, source, outside_now, gauges or Silent())
        except SourceAway as away:
            log.warning("webhook_poll_postponed", provider=provider, trouble=str(away))
        except Exception as error:  # noqa: BLE001 - one provider's trouble delays no other
            log.warning("webhook_poll_failed", provider=provider, trouble=repr(error))
            trouble = error
    if trouble is not None:
        raise trouble


def _look(
    pool: Pool, provider: str, source: Source, outside_now: Callable[[], datetime], gauges: Gauges
) -> None:
    """Read a provider's list from the cursor on, and move the cursor with each slice."""
    now = outside_now()
    with pool.transaction() as conn:
        found = store.rows(conn, "read_cursor", provider=provider)
    read_until = found[0][0] if found else now - _FIRST_LOOK
    for since, until in _slices(read_until - _OVERLAP, now):
        events = source.events(since, until)
        ripe = (event for event in events if event.occurred_at <= now - _PATIENCE)
        newest = _keep(pool, provider, ripe, gauges)
        read_until = max(read_until, (newest or since) if until == now else until)
        with pool.transaction() as conn:
            store.run(conn, "move_cursor", provider=provider, read_until=read_until)
        if outside_now() - now >= _LOOK:
            return


def _slices(since: datetime, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give the spans from then to now, the oldest first; the last of up to two slices."""
    while now - since >= 2 * _SLICE:
        yield since, since + _SLICE
        since += _SLICE
    yield since, now


def _keep(pool: Pool, provider: str, events: Iterable[Event], gauges: Gauges) -> datetime | None:
    """Keep the events that are missing, a portion at a time; return when the newest occurred.

    Those of silent kinds need not be delivered: they are read over.
    """
    newest: datetime | None = None
    for chunk in _chunks(events):
        occurred = max(event.occurred_at for event in chunk)
        newest = occurred if newest is None else max(newest, occurred)
        deliveries = [Delivery(provider, one, Way.POLLED) for one in chunk if not one.is_silent]
        if deliveries:
            _keep_chunk(pool, deliveries, gauges)
    return newest


def _keep_chunk(pool: Pool, deliveries: Sequence[Delivery], gauges: Gauges) -> None:
    """Keep what is missing, and say what was."""
    with pool.transaction() as conn:
        is_new = store.keep(conn, deliveries, now=db.now(conn))
    provider = deliveries[0].provider
    gauges.kept(provider, Way.POLLED, new=sum(is_new), again=len(is_new) - sum(is_new))
    for one, new in zip(deliveries, is_new, strict=True):
        if new:
            log.warning(
                "webhook_never_delivered", external_id=one.event.external_id, kind=one.event.kind
            )


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    rest = iter(events)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
