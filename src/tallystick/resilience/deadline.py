"""Deadline: one end for a whole call, however many parts it has. It ends nothing by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tallystick import clock

__all__ = ["Deadline", "DeadlinePassed"]


class DeadlinePassed(TimeoutError):
    """The call's time is over; what the other side did with it is unknown."""


class Deadline:
    """A moment that lies so many seconds ahead of its making."""

    def __init__(self, seconds: float, *, now: Callable[[], float] = clock.start) -> None:
        """Begin now; `now` gives monotonic seconds."""
        self._now: Final = now
        self._end: Final = now() + seconds

    def left_s(self) -> float:
        """Return the seconds that are left; raise DeadlinePassed where there are none."""
        left_s = self._end - self._now()
        if left_s <= 0:
            raise DeadlinePassed("The call's time is over.")
        return left_s
