"""The Writer itself: a bounded queue, a thread that makes batches of it, and the way out."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

import structlog

from tallystick.db import DatabaseUnavailable
from tallystick.ledger.model import Deed, Outcome
from tallystick.ledger.writer.errors import AccountBusy, OutcomeUnknown, WriterClosed, WriterFull
from tallystick.ledger.writer.lane import Lane
from tallystick.ledger.writer.model import BATCH_MAX, Gauges, Silent, Ticket
from tallystick.ledger.writer.promise import Promise
from tallystick.ledger.writer.session import Session
from tallystick.ledger.writer.slow import SlowLane

__all__ = ["Writer"]

log: Final = structlog.get_logger(__name__)

#: Milliseconds that a batch waits for a lock, before what is held goes to the slow lane.
_LOCK_WAIT_MS: Final = 250
#: Seconds beyond a deed's deadline in which its outcome may still be on its way.
_GRACE_S: Final = 0.5


class Writer:
    """Does the deeds of a process's callers in batches, on a thread and a connection of its own.

    Nothing is started or connected before the first deed. There is no timer: a deed that comes
    alone goes alone, at once.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: int = 2,
        deadline_s: float = 5.0,
        queue_max: int = 4_096,
        gauges: Gauges | None = None,
        application_name: str = "tallystick-writer",
    ) -> None:
        """Keep the address of the database, past any PgBouncer.

        `timeout_s` bounds a connect, `deadline_s` each deed's way to its outcome, and
        `queue_max` how many may wait, the slow lane's included.
        """
        self._gauges = gauges or Silent()
        self._deadline_s = deadline_s
        self._queue_max = queue_max
        self._queue: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._is_idle = False
        self._is_closing = False
        self._thread: threading.Thread | None = None

        def connect() -> Session:
            return Session(
                url,
                timeout_s=timeout_s,
                silence_s=deadline_s,
                name=application_name,
                gauges=self._gauges,
            )

        self._session = connect()
        self._slow = SlowLane(connect, gauges=self._gauges)
        self._lane = Lane(self._session, gauges=self._gauges, put_aside=self._slow.take)

    def submit(self, deed: Deed) -> Promise:
        """Hand a deed over and return the promise of its outcome; any thread may.

        The promise ends with an outcome, or with AccountBusy, OutcomeUnknown, DatabaseUnavailable
        or what a mistake in the deed raises. Raises WriterFull and WriterClosed.
        """
        ticket = Ticket(deed, deadline_s=self._deadline_s)
        with self._changed:
            if self._is_closing:
                raise WriterClosed("The server is going down. Nothing was done; try again.")
            if len(self._queue) + self._slow.waiting >= self._queue_max:
                self._gauges.trouble("queue_full")
                raise WriterFull("Too many transfers wait already. Nothing was done; try again.")
            self._queue.append(ticket)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
                self._thread.start()
            elif self._is_idle:
                self._changed.notify()
        return ticket

    def execute(self, deed: Deed) -> Outcome:
        """Hand a deed over, wait, and return its outcome.

        Raises what `submit` says; OutcomeUnknown where it is not there past the deadline.
        """
        promise = self.submit(deed)
        try:
            return promise.result(self._deadline_s + _GRACE_S)
        except TimeoutError:
            self._gauges.trouble("deadline")
            if promise.cancel():
                raise _late() from None
            raise OutcomeUnknown(
                "The database took too long: whether it was done is not known. Send it again with"
                " the same key; it happens once."
            ) from None

    def close(self) -> None:
        """Take no more deeds, bring those that wait to their end, and disconnect."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
        self._slow.close()
        self._session.close()

    def _work(self) -> None:
        while batch := self._batch():
            try:
                self._run(batch)
            except BaseException:
                # Who waited for it was told; the next batch comes.
                log.exception("writer_failed")

    def _batch(self) -> list[Ticket]:
        """Return what has come meanwhile, or wait for it; nothing at the end."""
        with self._changed:
            while not self._queue and not self._is_closing:
                self._gauges.waiting(0)
                self._is_idle = True
                self._changed.wait()
            self._is_idle = False
            self._gauges.waiting(len(self._queue))
            return [self._queue.popleft() for _ in range(min(len(self._queue), BATCH_MAX))]

    def _run(self, batch: list[Ticket]) -> None:
        """Bring a batch on its way, but for what is late, or waits for the slow lane's accounts."""
        quick, slow = [], []
        now = time.monotonic()
        for ticket in batch:
            if not ticket.begin():
                continue
            if ticket.give_up_at <= now:
                self._gauges.trouble("deadline")
                ticket.fail(_late())
            elif self._is_slow(ticket):
                slow.append(ticket)
            elif not ticket.done():
                quick.append(ticket)
        if slow:
            self._slow.take(slow)
        self._lane.run(quick, lock_wait_ms=_LOCK_WAIT_MS)
        if self._lane.is_away:
            self._turn_away()

    def _is_slow(self, ticket: Ticket) -> bool:
        """Return whether others wait for what the ticket needs; end one that makes no sense."""
        try:
            blocker = self._slow.blocker(ticket.deed)
        except Exception as mistake:  # noqa: BLE001 - its caller gets it, and no other
            ticket.fail(mistake)
            return False
        if blocker is not None:
            ticket.wait_for_account(blocker)
        return blocker is not None

    def _turn_away(self) -> None:
        """End what came while the database was looked for: it has waited for the same answer."""
        self._lane.is_away = False
        with self._changed:
            waiting = list(self._queue)
            self._queue.clear()
        for ticket in waiting:
            if ticket.begin():
                ticket.fail(DatabaseUnavailable("The database does not answer; nothing was done."))


def _late() -> AccountBusy:
    return AccountBusy("Too much is going on. Nothing was done; try again.")
