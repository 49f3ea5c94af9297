"""Events of the inbox, and handlers that do as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from tallystick import db, webhooks
from tallystick.webhooks import Delivery, Event, Handled, Keeper, Receipt

OCCURRED_AT = datetime(2026, 1, 1, tzinfo=UTC)


def event(external_id: str = "evt_1", body: bytes = b"{}", kind: str = "test.happened") -> Event:
    """Return an event as a Verifier would."""
    return Event(external_id, kind, OCCURRED_AT, body)


def delivery(external_id: str = "evt_1", body: bytes = b"{}") -> Delivery:
    """Return an event's delivery by Stripe."""
    return Delivery("stripe", event(external_id, body))


def receive(pool, *external_ids: str, provider: str = "stripe") -> None:
    """Keep events, each once, committed; they are due in this order."""
    for external_id in external_ids:
        with pool.transaction() as conn:
            webhooks.receive(conn, provider=provider, event=event(external_id), now=db.now(conn))


def keep(keeper: Keeper, deliveries: Iterable[Delivery]) -> list[Receipt | BaseException]:
    """Hand all deliveries over at once, wait, and return what became of each."""

    async def hand_over() -> list[Receipt | BaseException]:
        futures = [keeper.keep(one) for one in deliveries]
        return await asyncio.gather(*futures, return_exceptions=True)

    return asyncio.run(hand_over())


class Recording:
    """A handler that remembers its batches, refuses some events, and breaks at others."""

    def __init__(self, *, refused: Iterable[str] = (), poison: Iterable[str] = ()) -> None:
        self.batches: list[list[str]] = []
        self.handled: list[str] = []
        self.events: list[Event] = []
        self._refused = set(refused)
        self._poison = set(poison)

    def handle(self, conn, events: Sequence[Event]) -> list[Handled | Exception]:
        """Break where poison is among the events; else leave each as processed or refused."""
        names = [event.external_id for event in events]
        self.batches.append(names)
        conn.execute("SELECT 1")
        if self._poison & set(names):
            raise RuntimeError("the sky fell")
        self.events += events
        self.handled += [name for name in names if name not in self._refused]
        return [
            LookupError("not yet") if name in self._refused else Handled.PROCESSED for name in names
        ]
