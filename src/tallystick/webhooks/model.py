"""What an event is, and who reads and handles one. No I/O of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from tallystick.db import Connection

__all__ = ["Event", "EventState", "Handled", "Handler", "Receipt", "Verifier"]


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


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a provider, as it was signed."""

    external_id: str
    kind: str
    occurred_at: datetime
    body: bytes
    #: Our id, once it is kept.
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the inbox did with a delivery."""

    external_id: str
    #: False where the same event was kept before.
    is_new: bool


class Verifier(Protocol):
    """Who can tell that a provider signed something."""

    def read(self, raw: bytes, headers: Mapping[str, str], now: datetime) -> Event:
        """Return the event; raise SignatureInvalid or EventMalformed. Header names are lower."""
        ...


class Handler(Protocol):
    """Who knows what an event means."""

    def handle(self, conn: Connection, event: Event) -> Handled:
        """Do what follows from the event in the open transaction; raise to keep it for later."""
        ...
