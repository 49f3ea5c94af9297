"""The slow lane: deeds whose account or key somebody else holds wait here, and nobody else does.

A few threads give each thing that is held a turn after another. In its turn it is waited for
alone, in the database's queue, and nothing is held meanwhile: the deeds' other accounts stay free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

import structlog

from tallystick.ledger import rules
from tallystick.ledger.model import Deed
from tallystick.ledger.writer.lane import Lane
from tallystick.ledger.writer.model import BATCH_MAX, Gauges, Ticket
from tallystick.ledger.writer.session import Session

__all__ = ["SlowLane"]

log: Final = structlog.get_logger(__name__)

#: Things held that are waited for at once, each with a thread and a connection.
_THREADS: Final = 8
#: Milliseconds of one turn: after each the deadlines are looked at, and others have theirs.
_WAIT_MS: Final = 250
#: Milliseconds that the deeds then wait for a lock, while they hold others.
_LOCK_WAIT_MS: Final = 50


class SlowLane:
    """Tickets in groups, by what they wait for."""

    def __init__(self, connect: Callable[[], Session], *, gauges: Gauges) -> None:
        """Keep how to make a session; nothing is connected."""
        self._connect = connect
        self._gauges = gauges
        self._lock = threading.RLock()
        self._emptied = threading.Condition(self._lock)
        #: Tickets that came since their group was last taken in hand.
        self._groups: dict[Hashable, list[Ticket]] = {}
        self._idle: list[Session] = []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="slow-lane")
        #: How many tickets are here, those in hand included.
        self.waiting = 0

    def blocker(self, deed: Deed) -> UUID | None:
        """Return an account of the deed's that others wait for here already."""
        groups = self._groups
        if not groups:
            return None
        return next((account for account in rules.touched(deed) if account in groups), None)

    def take(self, tickets: Sequence[Ticket]) -> None:
        """Let the tickets wait here; what nobody has waited for yet gets a thread."""
        self._gauges.trouble("slow_lane")
        with self._lock:
            self._count(len(tickets))
            for ticket in tickets:
                self._group(ticket)

    def close(self) -> None:
        """Wait until all tickets have their outcome or are past their deadline."""
        with self._emptied:
            self._emptied.wait_for(lambda: not self._groups)
        self._threads.shutdown(wait=True)
        for session in self._idle:
            session.close()

    def _group(self, ticket: Ticket) -> None:
        name = ticket.waits_for
        if name in self._groups:
            self._groups[name].append(ticket)
        else:
            self._groups[name] = [ticket]
            self._threads.submit(self._serve, name)

    def _serve(self, name: Hashable) -> None:
        """Give the group a turn; while it has tickets, it gets another after all others' turns."""
        with self._lock:
            session = self._idle.pop() if self._idle else self._connect()
        tickets = self._in_hand(name)
        aside: list[Ticket] = []
        try:
            if tickets:
                self._do(name, session, tickets, aside)
        except BaseException as mistake:
            log.exception("slow_lane_failed")
            for ticket in tickets:
                if not ticket.done():
                    ticket.fail(mistake)
            aside.clear()
        with self._lock:
            self._idle.append(session)
            self._count(len(aside) - len(tickets))
            self._put_back(name, aside)

    def _do(
        self, name: Hashable, session: Session, tickets: Sequence[Ticket], aside: list[Ticket]
    ) -> None:
        """Try the tickets once; those that must go on waiting are put aside."""
        lane = Lane(session, gauges=self._gauges, put_aside=aside.extend)
        if not isinstance(name, UUID):
            # A key: it is claimed before anything is locked, so that its deed may wait.
            lane.run(tickets, lock_wait_ms=_WAIT_MS)
        elif session.is_free_within(name, wait_ms=_WAIT_MS):
            lane.run(tickets, lock_wait_ms=_LOCK_WAIT_MS)
        else:
            aside.extend(tickets)

    def _in_hand(self, name: Hashable) -> list[Ticket]:
        """Take a batch of the group's tickets that are not late; those that are end here."""
        now = time.monotonic()
        with self._lock:
            waiting = self._groups[name]
            late = [ticket for ticket in waiting if ticket.give_up_at <= now]
            live = [ticket for ticket in waiting if ticket.give_up_at > now]
            self._groups[name] = live[BATCH_MAX:]
            self._count(-len(late))
        for ticket in late:
            self._gauges.trouble("deadline")
            ticket.give_up()
        return live[:BATCH_MAX]

    def _put_back(self, name: Hashable, aside: Sequence[Ticket]) -> None:
        """Let the tickets wait on, each with what it waits for; a group without any is gone."""
        self._groups[name][:0] = [ticket for ticket in aside if ticket.waits_for == name]
        if self._groups[name]:
            self._threads.submit(self._serve, name)
        else:
            del self._groups[name]
        for ticket in aside:
            if ticket.waits_for != name:
                self._group(ticket)
        if not self._groups:
            self._emptied.notify_all()

    def _count(self, change: int) -> None:
        self.waiting += change
        self._gauges.waiting_slowly(self.waiting)
