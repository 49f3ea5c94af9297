"""What an event is, who reads, handles and lists events, and what the inbox tells of itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tallystick.db import Connection

__all__ = [
    "Delivery",
    "Event",
    "EventState",
    "Gauges",
    "Handled",
    "Handler",
    "Kept",
    "Receipt",
    "Silent",
    "Source",
    "SourceAway",
    "Verifier",
    "Way",
]


class EventState(StrEnum):
    """Where an event stands."""

    RECEIVED = "received"  #: kept; to be processed, also after an error
    PROCESSED = "processed"  #: what it says is booked
    IGNORED = "ignored"  #: it says nothing about us
    FAILED = "failed"  #: processing it went wrong too often


class Handled(StrEnum):
    """How a handler leaves an event."""

    PROCESSED = "processed"
    IGNORED = "ignored"


class Way(StrEnum):
    """How an event came first."""

    DELIVERED = "delivered"  #: its provider delivered it
    POLLED = "polled"  #: it stood in the provider's list, and nobody had delivered it


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a provider, as it was signed."""

    external_id: str
    kind: str
    occurred_at: datetime
    body: bytes
    #: Our id, once it is kept.
    id: UUID | None = None
    #: Our clock, when it was kept.
    received_at: datetime | None = None
    #: Whether its kind says nothing about us: then it is kept, and nothing is to be done.
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event, whose it is, and how it came."""

    provider: str
    event: Event
    way: Way = Way.DELIVERED


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the inbox did with a delivery."""

    external_id: str
    #: False where the same event was kept before.
    is_new: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it stands in the inbox, without its body."""

    id: UUID
    provider: str
    external_id: str
    kind: str
    state: EventState
    way: Way
    #: How often processing it was begun.
    attempts: int
    #: What went wrong the last time.
    error: str | None
    occurred_at: datetime
    received_at: datetime
    processed_at: datetime | None


class Verifier(Protocol):
    """Who can tell that a provider signed something."""

    def read(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Return the event; raise SignatureInvalid or EventMalformed. Header names are lower."""
        ...


class Handler(Protocol):
    """Who knows what events mean."""

    def handle(self, conn: Connection, events: Sequence[Event]) -> Sequence[Handled | Exception]:
        """Do what follows from the events in the open transaction; return a result for each.

        The results come in the events' order. An exception among them keeps its event for later.
        Raising undoes the whole batch: it is handled again in parts, and who fails alone waits.
        """
        ...


class SourceAway(Exception):
    """A provider's list cannot be read just now: a later look will."""


class Source(Protocol):
    """Who lists the events that a provider has made."""

    def events(self, since: datetime, until: datetime) -> Iterable[Event]:
        """Return all events of [since, until) by the provider's clock, in any order.

        There may be more than memory holds. Raises SourceAway, or anything else that is an error,
        where the list could not be read to its end.
        """
        ...


class Gauges(Protocol):
    """What the inbox tells of itself; every call returns at once and raises nothing."""

    def waiting(self, deliveries: int) -> None:
        """Take how many deliveries wait now in this process."""

    def kept(self, provider: str, way: Way, *, new: int, again: int) -> None:
        """Take how many events were kept, and how many had been before."""

    def batch(self, *, deliveries: int, seconds: float) -> None:
        """Take a batch of deliveries that was committed, and its time."""

    def trouble(self, what: str) -> None:
        """Take that something went wrong, by its word."""

    def handled(self, provider: str, how: str, events: int) -> None:
        """Take how many events were left so: processed, ignored, postponed or failed."""

    def drained(self, *, events: int, oldest_s: float) -> None:
        """Take how many events a drain took at once, and how long the oldest had been due."""


class Silent:
    """Gauges that nobody reads."""

    def waiting(self, deliveries: int) -> None:
        """Do nothing."""

    def kept(self, provider: str, way: Way, *, new: int, again: int) -> None:
        """Do nothing."""

    def batch(self, *, deliveries: int, seconds: float) -> None:
        """Do nothing."""

    def trouble(self, what: str) -> None:
        """Do nothing."""

    def handled(self, provider: str, how: str, events: int) -> None:
        """Do nothing."""

    def drained(self, *, events: int, oldest_s: float) -> None:
        """Do nothing."""
