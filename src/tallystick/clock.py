"""The process's clock, for durations and logs only.

What decides about money or expiry reads the database's clock: `db.now`.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["elapsed_since", "now_for_logs", "pause", "start"]


def start() -> float:
    """Return a mark in monotonic seconds, for `elapsed_since`."""
    return time.perf_counter()


def elapsed_since(mark: float) -> float:
    """Return the seconds since a mark of `start`."""
    return time.perf_counter() - mark


def now_for_logs() -> datetime:
    """Return the process's idea of the time, with its zone."""
    return datetime.now(UTC)


def pause(seconds: float) -> None:
    """Wait for so many seconds; for commands, never below a door."""
    time.sleep(seconds)
