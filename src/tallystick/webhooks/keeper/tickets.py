"""Deliveries that wait, each with the future of its receipt: bounded, and told in batches."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from tallystick.webhooks.errors import InboxClosed, InboxFull
from tallystick.webhooks.model import Delivery, Receipt

__all__ = ["Queue", "Ticket", "tell"]

#: Deliveries of one batch at most, and the bytes of their bodies at which it is full.
_BATCH_MAX: Final = 512
_BATCH_BYTES: Final = 8 * 1024 * 1024

log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ticket:
    """A delivery, and where its receipt is waited for."""

    delivery: Delivery
    future: asyncio.Future[Receipt]

    @property
    def size(self) -> int:
        """Return the bytes of the body."""
        return len(self.delivery.event.body)


class Queue:
    """Tickets that wait: put in by event loops, taken out in batches by one thread."""

    def __init__(self, *, deliveries_max: int, bytes_max: int) -> None:
        """Begin empty; so many deliveries, of so many bytes together, may wait."""
        self._deliveries_max = deliveries_max
        self._bytes_max = bytes_max
        self._tickets: deque[Ticket] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_closed = False

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._tickets)

    def put(self, ticket: Ticket) -> None:
        """Let it wait; raise InboxFull or InboxClosed."""
        with self._changed:
            if self._is_closed:
                raise InboxClosed("The server is going down. Deliver it again.")
            waiting, waiting_bytes = len(self._tickets), self._bytes + ticket.size
            if waiting >= self._deliveries_max or (waiting and waiting_bytes > self._bytes_max):
                raise InboxFull("Too many webhooks wait already. Deliver it again.")
            self._tickets.append(ticket)
            self._bytes = waiting_bytes
            self._changed.notify()

    def batch(self) -> list[Ticket]:
        """Wait for tickets and take a batch of them; return none once it is closed and empty."""
        taken: list[Ticket] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._tickets or self._is_closed)
            while self._tickets and len(taken) < _BATCH_MAX and size < _BATCH_BYTES:
                taken.append(self._tickets.popleft())
                size += taken[-1].size
            self._bytes -= size
        return taken

    def clear(self) -> list[Ticket]:
        """Take all that wait."""
        with self._changed:
            taken = list(self._tickets)
            self._tickets.clear()
            self._bytes = 0
        return taken

    def close(self) -> None:
        """Take no more tickets."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


def tell(outcomes: Mapping[asyncio.Future[Receipt], Receipt | BaseException]) -> None:
    """End futures of any loops with their receipts or troubles; each loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[Receipt]]] = {}
    for future in outcomes:
        loops.setdefault(future.get_loop(), []).append(future)
    for loop, futures in loops.items():
        try:
            loop.call_soon_threadsafe(_end, futures, outcomes)
        except RuntimeError:
            # It was closed meanwhile: nobody waits there any more.
            log.warning("webhooks_not_waited_for", deliveries=len(futures))


def _end(
    futures: Sequence[asyncio.Future[Receipt]],
    outcomes: Mapping[asyncio.Future[Receipt], Receipt | BaseException],
) -> None:
    for future in futures:
        if future.done():
            continue
        outcome = outcomes[future]
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
