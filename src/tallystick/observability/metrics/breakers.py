"""Breakers: the calls to providers, what became of them, and those that were not made."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["BreakerMetrics"]

_OPEN: Final = Gauge(
    "tallystick_breaker_open_processes",
    "Processes that know the breaker as open or half open.",
    ("operation",),
    multiprocess_mode="livesum",
)
_CALLS: Final = Counter(
    "tallystick_breaker_calls_total",
    "Calls of an operation, by what became of them.",
    ("operation", "outcome"),
)
_TRIPS: Final = Counter(
    "tallystick_breaker_trips_total",
    "Trips that a process of this parent has caused.",
    ("operation",),
)
_SECONDS: Final = Histogram(
    "tallystick_breaker_call_seconds",
    "How long a call took that was made, in seconds.",
    ("operation",),
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
)
#: Why a call was not made, as the label says it.
_REFUSED: Final = {"open": "refused_open", "bulkhead": "refused_bulkhead"}


class BreakerMetrics:
    """What the breakers of this process tell of themselves: every call returns at once."""

    def called(self, name: str, *, is_failure: bool, seconds: float) -> None:
        """Count a call that was made, by what became of it, and its seconds."""
        _CALLS.labels(name, "failed" if is_failure else "answered").inc()
        _SECONDS.labels(name).observe(seconds)

    def refused(self, name: str, why: str) -> None:
        """Count a call that was not made: `open` or `bulkhead`."""
        _CALLS.labels(name, _REFUSED[why]).inc()

    def tripped(self, name: str) -> None:
        """Count a trip that this process caused."""
        _TRIPS.labels(name).inc()

    def state(self, name: str, *, is_open: bool) -> None:
        """Say whether this process knows the breaker as open or half open."""
        _OPEN.labels(name).set(is_open)
