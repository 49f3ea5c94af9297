"""What breakers need of a store that the fleet shares, and of who counts. No I/O of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tallystick.resilience.model import Memory

__all__ = ["Kept", "Meter", "Shared", "Silent"]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store holds of a breaker, and the moment by the store's own clock."""

    #: As it lies there, to be compared; None where there is nothing.
    raw: bytes | None
    #: None also for what cannot be read.
    memory: Memory | None
    now: float


class Shared(Protocol):
    """The fleet's store. It raises nothing: whoever cannot be asked is away."""

    def read(self, name: str) -> Kept | None:
        """Return what is kept; None while the store is away."""
        ...

    def read_all(self) -> Mapping[str, Kept] | None:
        """Return what is kept of every breaker, by name; None while the store is away."""
        ...

    def swap(self, name: str, kept: Kept, memory: Memory) -> bool | None:
        """Keep the memory in the place of what was read, and return True.

        Returns False where somebody else was faster, or the reading is too old to decide on;
        None while the store is away.
        """
        ...


class Meter(Protocol):
    """Who counts. Every call returns at once."""

    def called(self, name: str, *, is_failure: bool, seconds: float) -> None:
        """Count a call that was made, by what became of it, and its seconds."""
        ...

    def refused(self, name: str, why: str) -> None:
        """Count a call that was not made: `open` or `bulkhead`."""
        ...

    def tripped(self, name: str) -> None:
        """Count a trip that this process caused."""
        ...

    def state(self, name: str, *, is_open: bool) -> None:
        """Say whether this process knows the breaker as open or half open."""
        ...


class Silent:
    """Who counts nothing."""

    def called(self, name: str, *, is_failure: bool, seconds: float) -> None:
        """Count nothing."""

    def refused(self, name: str, why: str) -> None:
        """Count nothing."""

    def tripped(self, name: str) -> None:
        """Count nothing."""

    def state(self, name: str, *, is_open: bool) -> None:
        """Say nothing."""
