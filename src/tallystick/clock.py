"""The process's clock: for durations, and for stamps that the outside world has put.

What decides about money or expiry reads the database's clock: `db.now`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["elapsed_since", "outside_now", "pause", "start"]


def start() -> float:
    """Return a mark in monotonic seconds, for `elapsed_since`."""
    return time.perf_counter()


def elapsed_since(mark: float) -> float:
    """Return the seconds since a mark of `start`."""
    return time.perf_counter() - mark


def outside_now() -> datetime:
    """Return the process's idea of the time, with its zone: to judge stamps of the outside world.

    The test clock does not move it, as it does not move a provider's.
    """
    return datetime.now(UTC)


def pause(seconds: float) -> None:
    """Wait for so many seconds; for commands, never below a door."""
    time.sleep(seconds)
