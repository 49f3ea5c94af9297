"""The inbox's background work: the drain, which lets handlers do what follows from events.

A drain takes many events and says so before it touches them: should it die, others know. No two
drains ever handle one event at once. An error keeps its event, to be tried later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from tallystick.db import Connection, DatabaseUnavailable, Pool
from tallystick.webhooks import rules, store
from tallystick.webhooks.model import Event, EventState, Gauges, Handled, Handler, Silent
from tallystick.webhooks.rules import Due
from tallystick.webhooks.store import Postponed

__all__ = ["BLANK", "blank", "drain"]

#: The job that blanks old bodies.
BLANK: Final = "webhooks.blank"
#: Bodies that one transaction blanks.
_BLANKED_MAX: Final = 1_000
_ERROR_SIGNS_MAX: Final = 500
_DIED: Final = "The process died each time while it was handled."

log: Final = structlog.get_logger(__name__)


def drain(*, pool: Pool, handlers: Mapping[str, Handler], gauges: Gauges | None = None) -> int:
    """Take the events that are due, at most 200, process them, and return how many there were.

    Raises DatabaseUnavailable; what was taken is due again after some seconds.
    """
    told = gauges or Silent()
    with pool.transaction() as conn:
        due = store.take(
            conn,
            events_max=rules.EVENTS_MAX,
            attempts_max=rules.ATTEMPTS_MAX,
            lease_s=rules.LEASE_S,
        )
        spent = [event for event in due if event.is_spent]
        taken = [event for event in due if not event.is_spent]
        if spent:
            _give_up(conn, spent, told)
    told.drained(events=len(due), oldest_s=due[0].late_s if due else 0.0)
    for provider, events in rules.runs(taken):
        run = _Run(pool, provider, handlers.get(provider, _NOBODY), told)
        if not events[0].is_begun or _begins_again(pool, events[0]):
            run.handle([event.id for event in events])
    return len(due)


def _begins_again(pool: Pool, event: Due) -> bool:
    """Note that an event is tried again, alone, and return whether nobody else has begun with it.

    It is noted right before: what ends this process is counted for what was being handled.
    """
    with pool.transaction() as conn:
        return store.begin_again(conn, event, lease_s=rules.lease_s(event))


def blank(*, pool: Pool) -> None:
    """Blank the bodies of events older than 180 days; their hashes stay."""
    blanked = _BLANKED_MAX
    while blanked == _BLANKED_MAX:
        with pool.transaction() as conn:
            [(blanked,)] = store.rows(conn, "blank", events_max=_BLANKED_MAX)


class _Nobody:
    """Handles the events of a provider that is not joined: they can be replayed once it is."""

    def handle(self, _conn: Connection, events: Sequence[Event]) -> Sequence[Handled]:
        """Ignore them all."""
        return [Handled.IGNORED] * len(events)


_NOBODY: Final = _Nobody()


@dataclass(frozen=True, slots=True)
class _Run:
    """Handles events of one provider, together, or in halves where that goes wrong."""

    pool: Pool
    provider: str
    handler: Handler
    gauges: Gauges

    def handle(self, event_ids: Sequence[UUID]) -> None:
        """Handle the events in one transaction; who fails alone is postponed."""
        try:
            with self.pool.transaction() as conn:
                held = store.hold(conn, event_ids)
                counts = self._record(conn, held) if held else {}
        except DatabaseUnavailable:
            raise
        except Exception as trouble:  # noqa: BLE001 - it stands with the event, and in the log
            self._after(trouble, event_ids)
        else:
            self._tell(counts)

    def _record(self, conn: Connection, held: Sequence[tuple[Event, int]]) -> dict[str, int]:
        """Let the handler do its work and record the results; return how many were left how."""
        results = self.handler.handle(conn, [event for event, _ in held])
        left: dict[UUID, Handled] = {}
        errors: dict[UUID, Postponed] = {}
        for (event, attempts), result in zip(held, results, strict=True):
            assert event.id is not None, "it is kept"
            if isinstance(result, Exception):
                errors[event.id] = _verdict(result, attempts)
                log.info("webhook_event_postponed", external_id=event.external_id, why=_why(result))
            else:
                left[event.id] = result
        if left:
            store.finish(conn, left)
        if errors:
            store.postpone(conn, errors, is_begun=False)
        return _count(left, errors)

    def _after(self, trouble: Exception, event_ids: Sequence[UUID]) -> None:
        """Handle the halves of what failed as a whole; postpone what failed alone."""
        if len(event_ids) > 1:
            middle = len(event_ids) // 2
            self.gauges.trouble("split")
            self.handle(event_ids[:middle])
            self.handle(event_ids[middle:])
            return
        with self.pool.transaction() as conn:
            held = store.hold(conn, event_ids)
            errors = {event.id: _verdict(trouble, tries) for event, tries in held if event.id}
            # It goes on alone: who made a whole batch fail once may do so again.
            store.postpone(conn, errors, is_begun=True)
        for event, _ in held:
            log.error(
                "webhook_event_postponed",
                external_id=event.external_id, kind=event.kind, exc_info=trouble,
            )  # fmt: skip
        self._tell(_count({}, errors))

    def _tell(self, counts: Mapping[str, int]) -> None:
        for how, events in counts.items():
            self.gauges.handled(self.provider, how, events)


def _give_up(conn: Connection, spent: Sequence[Due], gauges: Gauges) -> None:
    """Fail events whose every attempt ended without a word."""
    failed = Postponed(EventState.FAILED, _DIED, 0)
    store.postpone(conn, {event.id: failed for event in spent}, is_begun=True)
    for event in spent:
        gauges.handled(event.provider, EventState.FAILED.value, 1)
        log.error("webhook_event_failed", id=str(event.id), attempts=event.attempts)


def _verdict(trouble: Exception, attempts: int) -> Postponed:
    """Return what becomes of an event that could not be handled at its attempts-th attempt."""
    is_spent = attempts >= rules.ATTEMPTS_MAX
    state = EventState.FAILED if is_spent else EventState.RECEIVED
    return Postponed(state, _why(trouble), rules.wait_s(attempts))


def _why(trouble: Exception) -> str:
    """Return the trouble as PostgreSQL can keep it."""
    text = f"{type(trouble).__name__}: {trouble}"[:_ERROR_SIGNS_MAX]
    return text.replace("\0", "").encode(errors="replace").decode()


def _count(left: Mapping[UUID, Handled], errors: Mapping[UUID, Postponed]) -> Counter[str]:
    """Return how many events were left how."""
    counts = Counter(how.value for how in left.values())
    failed = sum(one.state is EventState.FAILED for one in errors.values())
    counts.update({"failed": failed, "postponed": len(errors) - failed})
    return +counts
