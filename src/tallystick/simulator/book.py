"""The book of one simulated provider: its objects by kind and id, rebuilt from the journal.

Objects are replaced, never changed in place, and only by `commit`, which journals first. It
knows no provider: a charge, an event, a webhook and an idempotency record are all objects.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tallystick.simulator.journal import Journal

__all__ = ["Book", "Change", "Clock", "JsonObject"]

JsonObject = dict[str, Any]

#: Seconds since 1970, as `time.time` gives them; tests pass their own.
Clock = Callable[[], float]

_CLOCK: Final = "clock"


@dataclass(frozen=True, slots=True)
class Change:
    """One object as it is from now on."""

    kind: str
    id: str
    object: JsonObject


class Book:
    """What one provider knows. Hold `lock` from the first read of a decision to its commit."""

    def __init__(self, journal: Journal, *, provider: str, clock: Clock) -> None:
        """Rebuild the provider's objects from the journal's lines."""
        self.provider = provider
        #: The real time: deliveries are timed and signed by it.
        self.real_clock = clock
        self.lock = threading.RLock()
        self._journal = journal
        self._kinds: dict[str, dict[str, JsonObject]] = {}
        self._watchers: list[Callable[[Sequence[Change]], None]] = []
        for entry in journal.lines():
            if entry["provider"] == provider:
                self._apply([Change(**record) for record in entry["records"]])

    def clock(self) -> float:
        """Return the provider's time, in seconds since 1970: the real one and what was added."""
        return self.real_clock() + self.ahead_s

    @property
    def ahead_s(self) -> int:
        """How far the provider's time is ahead of the real one, in seconds."""
        moved = self.find(_CLOCK, _CLOCK)
        return moved["ahead_s"] if moved else 0

    def advance(self, seconds: int) -> None:
        """This function will move the provider's time forward: it is journalled."""
        with self.lock:
            moved = {"ahead_s": self.ahead_s + seconds}
            self.commit("clock.advance", [Change(_CLOCK, _CLOCK, moved)])

    def go_back(self) -> None:
        """This function will make the provider's time the real one again: it is journalled."""
        with self.lock:
            self.commit("clock.back", [Change(_CLOCK, _CLOCK, {"ahead_s": 0})])

    def find(self, kind: str, identity: str) -> JsonObject | None:
        """Return the object, or None."""
        return self._kinds.get(kind, {}).get(identity)

    def newest_first(self, kind: str) -> Iterator[JsonObject]:
        """Yield the objects of a kind, the one made last first."""
        return reversed(self._kinds.get(kind, {}).values())

    def count(self, kind: str) -> int:
        """Return how many objects of a kind there are."""
        return len(self._kinds.get(kind, {}))

    def commit(self, operation: str, changes: Sequence[Change]) -> None:
        """This function will journal the changes as one line, then make them true.

        They survive a crash of the process from here on, and a crash of the machine once the
        journal is synced: the HTTP door does that before it answers.
        """
        if not changes:
            return
        with self.lock:
            at = datetime.fromtimestamp(self.clock(), UTC).isoformat(timespec="milliseconds")
            records = [{"kind": c.kind, "id": c.id, "object": c.object} for c in changes]
            self._journal.write(
                {"at": at, "provider": self.provider, "operation": operation, "records": records}
            )
            self._apply(changes)
        for watcher in self._watchers:
            watcher(changes)

    def forget(self, kind: str, identity: str) -> None:
        """This function will drop a dead object from memory; the journal keeps it."""
        with self.lock:
            self._kinds.get(kind, {}).pop(identity, None)

    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> None:
        """This function will call the watcher after every commit, on the committing thread."""
        self._watchers.append(watcher)

    def _apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._kinds.setdefault(change.kind, {})[change.id] = change.object
