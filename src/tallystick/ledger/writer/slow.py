"""The slow lane: deeds whose account or key somebody else holds wait here, and nobody else does.

Each thing that is held has a thread of its own, up to a few. It waits for the one account alone,
in the database's queue, and holds nothing meanwhile: the deeds' other accounts stay free.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from tallystick.ledger import rules
from tallystick.ledger.model import Deed
from tallystick.ledger.writer.lane import Lane
from tallystick.ledger.writer.model import BATCH_MAX, Gauges, Ticket
from tallystick.ledger.writer.session import Session

__all__ = ["SlowLane"]

#: Things held at once that are waited for, each with a thread and a connection; others queue.
_THREADS: Final = 4
#: Milliseconds of one wait for what is held: after each the deadlines are looked at.
_WAIT_MS: Final = 500
#: Milliseconds that the deeds then wait for a lock, while they hold others.
_LOCK_WAIT_MS: Final = 50


class SlowLane:
    """Tickets in groups, by what they wait for."""

    def __init__(self, connect: Callable[[], Session], *, gauges: Gauges) -> None:
        """Keep how to make a session; nothing is connected."""
        self._connect = connect
        self._gauges = gauges
        self._lock = threading.Lock()
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
        """Bring the group's tickets to their end, until none is left."""
        with self._lock:
            session = self._idle.pop() if self._idle else self._connect()
        aside: list[Ticket] = []
        lane = Lane(session, gauges=self._gauges, put_aside=aside.extend)
        while tickets := self._in_hand(name, aside):
            aside.clear()
            if not isinstance(name, UUID):
                # A key: it is claimed before anything is locked, so that its deed may wait.
                lane.run(tickets, lock_wait_ms=_WAIT_MS)
            elif session.is_free_within(name, wait_ms=_WAIT_MS):
                lane.run(tickets, lock_wait_ms=_LOCK_WAIT_MS)
            else:
                aside.extend(tickets)
            with self._lock:
                self._count(len(aside) - len(tickets))
        with self._lock:
            self._idle.append(session)

    def _in_hand(self, name: Hashable, aside: Sequence[Ticket]) -> list[Ticket]:
        """Return the group's tickets that are not late; without any, the group is gone."""
        with self._lock:
            waiting = [*aside, *self._groups[name]]
            now = time.monotonic()
            late = [ticket for ticket in waiting if ticket.give_up_at <= now]
            live = [ticket for ticket in waiting if ticket.give_up_at > now]
            own = [ticket for ticket in live if ticket.waits_for == name]
            self._groups[name] = own[BATCH_MAX:]
            for ticket in live:
                if ticket.waits_for != name:
                    self._group(ticket)
            if not own:
                del self._groups[name]
            self._count(-len(late))
        for ticket in late:
            self._gauges.trouble("deadline")
            ticket.give_up()
        return own[:BATCH_MAX]

    def _count(self, change: int) -> None:
        self.waiting += change
        self._gauges.waiting_slowly(self.waiting)
