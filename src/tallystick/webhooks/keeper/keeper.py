"""The Keeper itself: a thread that makes batches of what waits, and keeps each in one statement."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import psycopg
import structlog

from tallystick import clock, db
from tallystick.db import DatabaseUnavailable
from tallystick.errors import TallystickError
from tallystick.webhooks import store
from tallystick.webhooks.errors import InboxBusy, InboxFull
from tallystick.webhooks.keeper.tickets import Queue, Ticket, tell
from tallystick.webhooks.model import Delivery, Gauges, Receipt, Silent

__all__ = ["Keeper"]

log: Final = structlog.get_logger(__name__)

#: How long a statement waits for a lock, as that of somebody who keeps the same event.
_LOCK_WAIT: Final = "2s"
#: Bytes of bodies that may wait.
_WAITING_BYTES: Final = 64 * 1024 * 1024
#: What ends a connection, or a server that takes no writes: nothing that a delivery has caused.
_AWAY: Final = (psycopg.OperationalError, psycopg.InternalError)


class Keeper:
    """Keeps deliveries in batches, on a thread and a connection of its own.

    Nothing is started or connected before the first delivery, and there is no timer: one that
    comes alone is kept alone, at once. A batch is one statement, and so one transaction. Whether
    a lost one was committed need not be known: sent again, each event is kept once.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: int = 2,
        silence_s: float = 3.0,
        waiting_max: int = 2_048,
        gauges: Gauges | None = None,
        application_name: str = "tallystick-keeper",
    ) -> None:
        """Keep the address of the database.

        `timeout_s` bounds a connect and `silence_s` the wait for the server's word; `waiting_max`
        bounds how many deliveries wait.
        """
        self._url = url
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._name = application_name
        self._gauges = gauges or Silent()
        self._queue = Queue(deliveries_max=waiting_max, bytes_max=_WAITING_BYTES)
        self._conn: psycopg.Connection | None = None
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def keep(self, delivery: Delivery) -> asyncio.Future[Receipt]:
        """Hand a verified delivery over; return the future of its receipt, of the running loop.

        It has a result only once the row is durable, and ends with DatabaseUnavailable or
        InboxBusy where that is not known. Cancelled before its batch begins, nothing is kept.
        Raises InboxFull and InboxClosed.
        """
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put(Ticket(delivery, future))
        except InboxFull:
            self._gauges.trouble("full")
            raise
        if self._thread is None:
            self._start()
        return future

    def close(self) -> None:
        """Take no more deliveries, keep those that wait, and disconnect."""
        self._queue.close()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        """Start the thread, once, however many loops ask."""
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while batch := self._queue.batch():
            self._gauges.waiting(len(self._queue))
            # What was cancelled was given up: its provider delivers it again.
            waited_for = [ticket for ticket in batch if not ticket.future.cancelled()]
            try:
                self._run(waited_for)
            except BaseException as mistake:
                log.exception("keeper_failed")
                _fail(waited_for, mistake)
        self._disconnect()

    def _run(self, tickets: Sequence[Ticket]) -> None:
        """Keep the tickets' events and tell each; halve what the database refuses."""
        if not tickets:
            return
        mark = clock.start()
        try:
            is_new = self._keep([ticket.delivery for ticket in tickets])
        except (DatabaseUnavailable, InboxBusy) as away:
            self._turn_away(tickets, away)
        except psycopg.Error as refusal:
            self._halve(tickets, refusal)
        else:
            tell(
                {
                    ticket.future: Receipt(ticket.delivery.event.external_id, new)
                    for ticket, new in zip(tickets, is_new, strict=True)
                }
            )
            self._count(tickets, is_new, clock.elapsed_since(mark))

    def _keep(self, deliveries: Sequence[Delivery]) -> list[bool]:
        """Keep the events, at a second try where the connection was lost; raise psycopg.Error.

        Raises DatabaseUnavailable where the database is away, and InboxBusy where it is there and
        does not keep them: somebody locks the table, it takes no writes, its disk is full.
        """
        try:
            return store.keep(self._connected(), deliveries)
        except _AWAY:
            self._gauges.trouble("connection_lost")
            self._disconnect()
        conn = self._connected()
        try:
            return store.keep(conn, deliveries)
        except _AWAY as trouble:
            is_there = not conn.closed
            self._disconnect()
            log.error("keeper_database_trouble", trouble=repr(trouble))  # noqa: TRY400 - no fault of ours
            error = InboxBusy if is_there else DatabaseUnavailable
            raise error("The database does not keep it now. Deliver it again.") from trouble

    def _turn_away(self, tickets: Sequence[Ticket], away: TallystickError) -> None:
        """Tell the batch, and who came meanwhile: they have waited for the same answer."""
        self._gauges.trouble("database_away")
        _fail([*tickets, *self._queue.clear()], away)

    def _halve(self, tickets: Sequence[Ticket], refusal: psycopg.Error) -> None:
        """Keep the two halves; a delivery that is refused alone ends with the refusal."""
        if len(tickets) == 1:
            log.error("webhook_not_kept", external_id=tickets[0].delivery.event.external_id)
            self._gauges.trouble("poison")
            _fail(tickets, refusal)
            return
        middle = len(tickets) // 2
        self._run(tickets[:middle])
        self._run(tickets[middle:])

    def _connected(self) -> psycopg.Connection:
        if self._conn is None:
            conn = db.connect(
                self._url,
                application_name=self._name,
                timeout_s=self._timeout_s,
                silence_s=self._silence_s,
            )
            # One statement is one transaction: it is durable when its rows are there.
            conn.autocommit = True
            conn.execute(f"SET lock_timeout = '{_LOCK_WAIT}'")
            self._conn = conn
        return self._conn

    def _disconnect(self) -> None:
        if self._conn is not None:
            with suppress(psycopg.Error):
                self._conn.close()
            self._conn = None

    def _count(self, tickets: Sequence[Ticket], is_new: Sequence[bool], seconds: float) -> None:
        counts = Counter(
            (ticket.delivery.provider, ticket.delivery.way, new)
            for ticket, new in zip(tickets, is_new, strict=True)
        )
        for provider, way in {(provider, way) for provider, way, _ in counts}:
            new, again = counts[provider, way, True], counts[provider, way, False]
            self._gauges.kept(provider, way, new=new, again=again)
        self._gauges.batch(deliveries=len(tickets), seconds=seconds)


def _fail(tickets: Sequence[Ticket], trouble: BaseException) -> None:
    tell({ticket.future: trouble for ticket in tickets})
