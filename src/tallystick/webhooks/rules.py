"""Pure decisions of the inbox: what moves where, what goes together, when to try again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.webhooks.model import EventState

__all__ = ["ALLOWED", "ATTEMPTS_MAX", "EVENTS_MAX", "LEASE_S", "Due", "lease_s", "runs", "wait_s"]

#: Where an event may move from where it stands.
ALLOWED: Final[Mapping[EventState, frozenset[EventState]]] = {
    EventState.RECEIVED: frozenset({EventState.PROCESSED, EventState.IGNORED, EventState.FAILED}),
    EventState.PROCESSED: frozenset(),
    EventState.IGNORED: frozenset({EventState.RECEIVED}),
    EventState.FAILED: frozenset({EventState.RECEIVED}),
}
#: After so many attempts an event is failed: a person looks at it and replays it.
ATTEMPTS_MAX: Final = 12
#: Events that a drain takes at once.
EVENTS_MAX: Final = 200
#: Seconds until others may take what a drain took that has died.
LEASE_S: Final = 3


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is due, as far as a drain must know it to plan."""

    id: UUID
    provider: str
    #: How often processing it was begun.
    attempts: int
    #: Whether a run with it has begun and not ended well.
    is_begun: bool
    #: Seconds since it became due.
    late_s: float

    @property
    def is_spent(self) -> bool:
        """Return whether it had its attempts, the last of which ended without a word."""
        return self.attempts >= ATTEMPTS_MAX


def wait_s(attempts: int) -> int:
    """Return the seconds to wait after so many errors: 1, 2, 4, … up to 15 minutes."""
    return int(min(900, 2 ** max(0, attempts - 1)))


def lease_s(event: Due) -> int:
    """Return the seconds until an event is due again, should its run never end.

    One whose last run never ended waits longer each time, as after an error.
    """
    return max(LEASE_S, wait_s(event.attempts + 1)) if event.is_begun else LEASE_S


def runs(due: Iterable[Due]) -> list[tuple[str, list[Due]]]:
    """Return what to handle together, each with its provider, in the order of the events.

    An event whose last run did not end well comes after all others, alone: it may be what ended
    that run, and with it the process.
    """
    together: dict[str, list[Due]] = {}
    alone: list[tuple[str, list[Due]]] = []
    for event in due:
        if event.is_begun:
            alone.append((event.provider, [event]))
        else:
            together.setdefault(event.provider, []).append(event)
    return [*together.items(), *alone]
