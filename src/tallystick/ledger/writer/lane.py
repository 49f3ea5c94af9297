"""How a group of deeds is brought to its end, whatever goes wrong: again, in halves, or aside."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
import structlog

from tallystick.db import DatabaseUnavailable
from tallystick.idempotency import InFlight
from tallystick.ledger import rules
from tallystick.ledger.model import Refused, Replayed
from tallystick.ledger.writer.errors import AccountBusy, OutcomeUnknown
from tallystick.ledger.writer.model import Gauges, Ticket
from tallystick.ledger.writer.promise import keep_all
from tallystick.ledger.writer.session import ConnectionLost, Session

__all__ = ["Lane"]

log: Final = structlog.get_logger(__name__)

#: Milliseconds that half a group waits for a lock: the whole one has waited in vain already.
_HALF_WAIT_MS: Final = 25
#: How often a group is tried again as it is, before it is tried in halves.
_TRIES_MAX: Final = 3

#: Tickets, how many milliseconds they wait for a lock, and how often they were tried as they are.
Group = tuple[Sequence[Ticket], int, int]


class Lane:
    """One session's work: groups of tickets, each of which gets its outcome or is put aside."""

    def __init__(
        self, session: Session, *, gauges: Gauges, put_aside: Callable[[Sequence[Ticket]], None]
    ) -> None:
        """Keep the session; `put_aside` takes tickets that wait for what somebody else holds."""
        self._session = session
        self._gauges = gauges
        self._put_aside = put_aside
        #: Whether the database could not be reached at the last try.
        self.is_away = False

    def run(self, tickets: Sequence[Ticket], *, lock_wait_ms: int) -> None:
        """Give every ticket its outcome, or put it aside where a lock is not to be had in time."""
        work: list[Group] = [(tickets, lock_wait_ms, 0)]
        group: Sequence[Ticket] = ()
        try:
            while work:
                group, wait_ms, tries = work.pop()
                if group:
                    work += reversed(self._try(group, wait_ms, tries))
        except BaseException as mistake:
            # A mistake of ours, here: nobody may wait for an outcome that never comes.
            for rest in (group, *(others for others, _, _ in work)):
                _end([ticket for ticket in rest if not ticket.done()], mistake)
            raise

    def _try(self, group: Sequence[Ticket], wait_ms: int, tries: int) -> list[Group]:
        """Do a group in one transaction, and return the groups to try next."""
        began = time.monotonic()
        try:
            outcomes = self._session.commit(
                [ticket.deed for ticket in group],
                lock_wait_ms=wait_ms,
                ask_until=max(ticket.give_up_at for ticket in group),
            )
        except Exception as trouble:  # noqa: BLE001 - who waits gets it, or an outcome after it
            return self._next(group, wait_ms, tries, trouble)
        self.is_away = False
        ended = time.monotonic()
        keep_all(group, outcomes)
        # Once a batch: the oldest bounds them all, and a figure a deed would cost as much as one.
        self._gauges.waited(ended - min(ticket.handed_at for ticket in group))
        self._gauges.batch(
            deeds=len(group),
            refused=sum(isinstance(outcome, Refused) for outcome in outcomes),
            replayed=sum(isinstance(outcome, Replayed) for outcome in outcomes),
            seconds=ended - began,
        )
        return []

    def _next(
        self, group: Sequence[Ticket], wait_ms: int, tries: int, trouble: Exception
    ) -> list[Group]:
        """Return the groups to try next after a group has failed as a whole."""
        again: list[Group] = [(group, wait_ms, tries + 1)] if tries < _TRIES_MAX else []
        match trouble:
            case ConnectionLost() if again:
                self._gauges.trouble("connection_lost")
                groups = again
            case psycopg.errors.DeadlockDetected() | psycopg.errors.SerializationFailure():
                self._gauges.trouble("deadlock")
                groups = again or self._after_clashes(group, wait_ms)
            case psycopg.errors.LockNotAvailable():
                self._gauges.trouble("lock_timeout")
                groups = self._without_held(group, wait_ms, tries)
            case InFlight():
                self._gauges.trouble("lock_timeout")
                groups = self._without_key(group, trouble)
            case (
                DatabaseUnavailable()
                | OutcomeUnknown()
                | ConnectionLost()
                | psycopg.OperationalError()
            ):
                groups = self._give_up(group, trouble)
            case _:
                groups = self._split(group, wait_ms, trouble)
        return groups

    def _give_up(self, group: Sequence[Ticket], trouble: Exception) -> list[Group]:
        """End the group with what no deed of it has caused."""
        self.is_away = isinstance(trouble, DatabaseUnavailable)
        if isinstance(trouble, OutcomeUnknown):
            self._gauges.trouble("outcome_unknown")
        if isinstance(trouble, DatabaseUnavailable | OutcomeUnknown):
            return _end(group, trouble)
        # The disk is full, the server takes no writes or goes down.
        log.error("writer_database_trouble", trouble=repr(trouble.__cause__ or trouble))
        away = DatabaseUnavailable("The database cannot write now; nothing was done.")
        away.__cause__ = trouble
        return _end(group, away)

    def _after_clashes(self, group: Sequence[Ticket], wait_ms: int) -> list[Group]:
        """Return the halves of a group that clashed too often; one alone ends as busy."""
        if len(group) > 1:
            self._gauges.trouble("split")
            return _halves(group, wait_ms)
        return _end(
            group,
            AccountBusy("Others work on this account against us. Nothing was done; try again."),
        )

    def _split(self, group: Sequence[Ticket], wait_ms: int, trouble: Exception) -> list[Group]:
        """Return the group's halves; a deed that fails alone ends with its trouble."""
        if len(group) == 1:
            self._gauges.trouble("poison")
            log.error("deed_failed", deed=str(group[0].deed.id), exc_info=trouble)
            return _end(group, trouble)
        self._gauges.trouble("split")
        return _halves(group, wait_ms)

    def _without_held(self, group: Sequence[Ticket], wait_ms: int, tries: int) -> list[Group]:
        """Put aside the deeds whose accounts somebody else holds, and return the others."""
        held = self._session.held({one for ticket in group for one in rules.touched(ticket.deed)})
        free: list[Ticket] = []
        slow: list[Ticket] = []
        for ticket in group:
            blockers = held & rules.touched(ticket.deed)
            if blockers:
                ticket.wait_for_account(min(blockers))
            (slow if blockers else free).append(ticket)
        if slow:
            self._put_aside(slow)
            return [(free, wait_ms, 0)]
        if not tries:
            return [(group, wait_ms, 1)]
        return self._halves_or_aside(group)

    def _without_key(self, group: Sequence[Ticket], trouble: InFlight) -> list[Group]:
        """Return halves, until the deed is found whose key somebody else keeps."""
        if len(group) == 1:
            group[0].wait_for_key(trouble)
        return self._halves_or_aside(group)

    def _halves_or_aside(self, group: Sequence[Ticket]) -> list[Group]:
        if len(group) == 1:
            self._put_aside(group)
            return []
        self._gauges.trouble("split")
        return _halves(group, _HALF_WAIT_MS)


def _halves(group: Sequence[Ticket], wait_ms: int) -> list[Group]:
    middle = len(group) // 2
    return [(group[:middle], wait_ms, 0), (group[middle:], wait_ms, 0)]


def _end(group: Sequence[Ticket], trouble: BaseException) -> list[Group]:
    for ticket in group:
        ticket.fail(trouble)
    return []
