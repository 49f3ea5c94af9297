"""What the inbox hands over: events of one provider, booked together as facts.

An event that says nothing about us is ignored; one that cannot be booked yet is handed back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from tallystick import db, ids, jobs, webhooks
from tallystick.db import Connection, arrays
from tallystick.errors import TallystickError
from tallystick.payments import facts, store
from tallystick.payments.errors import FactEarly
from tallystick.payments.facts import Booked, MustAsk, Report, Stranger
from tallystick.payments.handlers import Caller, Gauges, ask_later
from tallystick.payments.provider import CallUnknown, Fact, Operation, Provider
from tallystick.resilience import BreakerOpen, BulkheadFull
from tallystick.webhooks import Event, Handled, SourceAway

__all__ = ["TRACE", "EventSource", "FactHandler", "trace"]

#: The job that asks a provider whose some money is.
TRACE: Final = "payments.trace"
#: Events that one call behind the breaker reads: a page or so of the provider's list.
_PORTION: Final = 100


@dataclass(frozen=True)
class FactHandler:
    """The inbox's handler of one provider's events: it books what they say."""

    provider: Provider
    gauges: Gauges

    def handle(self, conn: Connection, events: Sequence[Event]) -> Sequence[Handled | Exception]:
        """Book the events' facts in the inbox's transaction; one result for each.

        Raises Separately where one of several must be handled by itself.
        """
        results: dict[int, Handled | Exception] = {}
        told: dict[int, tuple[Event, Fact]] = {}
        for place, event in enumerate(events):
            try:
                fact = self.provider.interpret(event)
            except TallystickError as malformed:
                results[place] = malformed
                continue
            if fact is None:
                results[place] = Handled.IGNORED
            else:
                told[place] = event, fact
        results |= self._book(conn, told)
        return [results[place] for place in range(len(events))]

    def _book(
        self, conn: Connection, told: Mapping[int, tuple[Event, Fact]]
    ) -> dict[int, Handled | Exception]:
        """Book what events say, and return how to leave each."""
        if not told:
            return {}
        now = db.now(conn)
        reports = [
            Report(fact, str(event.id or event.external_id), event.received_at or now)
            for event, fact in told.values()
        ]
        booked = facts.book(conn, reports, provider=self.provider.name, now=now)
        news = sum(isinstance(result, Booked) and result.is_new for result in booked)
        self.gauges.booked(self.provider.name, "webhook", news)
        return {
            place: self._leave(conn, event, result)
            for (place, (event, _)), result in zip(told.items(), booked, strict=True)
        }

    def _leave(self, conn: Connection, event: Event, result: facts.Result) -> Handled | Exception:
        """Return how to leave an event; what somebody must be asked about first comes again."""
        match result:
            case TallystickError():
                return result
            case MustAsk():
                ask_later(conn, result)
                return FactEarly("The provider is asked whether it is so.")
            case Stranger(collected_reference=str() as reference) if event.id is not None:
                arguments = {
                    "provider": self.provider.name,
                    "reference": reference,
                    "event_id": str(event.id),
                }
                jobs.enqueue(conn, name=TRACE, arguments=arguments, queue="money")
                return FactEarly("The provider is asked whose money this is.")
            case Stranger():
                return Handled.IGNORED
        return Handled.PROCESSED


@dataclass(frozen=True)
class EventSource:
    """A provider's list of events, read behind its breaker, a portion at a time."""

    caller: Caller
    provider: Provider

    def events(self, since: datetime, until: datetime) -> Iterator[Event]:
        """Give all events of [since, until); raise SourceAway where they cannot be read now."""
        rest = iter(self.provider.events(since, until))
        is_over = False
        while not is_over:
            try:
                portion = self.caller.call(
                    self.provider.name, Operation.LIST, lambda: list(islice(rest, _PORTION))
                )
            except (CallUnknown, BreakerOpen, BulkheadFull) as away:
                raise SourceAway(str(away)) from away
            yield from portion
            is_over = len(portion) < _PORTION


def trace(caller: Caller, *, provider: str, reference: str, event_id: str) -> None:
    """Ask a provider whose some money is; an event about what is not ours is ignored from then on.

    One about ours comes again by itself. Raises what the call raises: then the job comes again.
    """
    asked = caller.providers.get(provider)
    if asked is None:
        raise jobs.GiveUp(f"No provider {provider!r} is joined: set its keys.")
    named = caller.call(provider, Operation.LOOK_UP, lambda: asked.trace(reference))
    with caller.pool.transaction() as conn:
        if named is None:
            webhooks.ignore(conn, event_id=UUID(event_id))
        else:
            _name_money(conn, ids.read("pay", named), reference)


def _name_money(conn: Connection, payment_id: UUID, reference: str) -> None:
    """Remember the provider's id of a payment's money where we never learned it."""
    payment = next(iter(store.read(conn, "lock", ids=arrays.uuids([payment_id]))), None)
    if payment is None:
        return
    if not store.rows(conn, "name_collection", id=payment_id, reference=reference):
        store.rows(conn, "set_collected", id=payment_id, reference=reference)
