"""The inbox: what is kept and refused, its batches, and how its events are left.

The inbox lives in the heart and knows a protocol alone, which InboxMetrics keeps.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["InboxMetrics", "count_webhook_refused"]

_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_EVENTS_BUCKETS: Final = [2**power for power in range(10)]
_TROUBLES: Final = ("full", "connection_lost", "database_away", "poison", "split")

_WAITING: Final = Gauge(
    "tallystick_webhooks_waiting_events",
    "Verified deliveries that wait for their batch now.",
    multiprocess_mode="livesum",
)
_KEPT: Final = Counter(
    "tallystick_webhooks_kept_total",
    "Events that are kept, by how they came; again where they had been before.",
    ("provider", "source", "seen"),
)
_FOUND: Final = Counter(
    "tallystick_webhooks_found_total",
    "Events that the poller found in a provider's list and that nobody had delivered.",
    ("provider",),
)
_REFUSED: Final = Counter(
    "tallystick_webhooks_refused_total",
    "Deliveries that were not kept, by why.",
    ("reason",),
)
_BATCH_DELIVERIES: Final = Histogram(
    "tallystick_webhooks_batch_events",
    "Deliveries of a committed batch.",
    buckets=_EVENTS_BUCKETS,
)
_BATCH_SECONDS: Final = Histogram(
    "tallystick_webhooks_batch_seconds",
    "How long a batch took to its commit, in seconds.",
    buckets=_SECONDS_BUCKETS,
)
_HANDLED: Final = Counter(
    "tallystick_webhooks_handled_total",
    "Events that a drain has handled, by how it left them.",
    ("provider", "how"),
)
_DRAINED: Final = Histogram(
    "tallystick_webhooks_drained_events",
    "Events that a drain took at once.",
    buckets=_EVENTS_BUCKETS,
)
_OLDEST: Final = Gauge(
    "tallystick_webhooks_oldest_seconds",
    "How long the oldest event that a drain took last had been due, in seconds.",
    multiprocess_mode="livesum",
)
_TROUBLE: Final = Counter(
    "tallystick_webhooks_trouble_total",
    "What the inbox had to recover from.",
    ("what",),
)
# Made at once, so that each stands there with 0 and its first time is seen as a rise.
_TROUBLE_OF: Final = {what: _TROUBLE.labels(what) for what in _TROUBLES}


def count_webhook_refused(reason: str) -> None:
    """Count a delivery that was not kept, by the code of its error."""
    _REFUSED.labels(reason).inc()


class InboxMetrics:
    """What the inbox of this process tells of itself: every call returns at once."""

    def waiting(self, deliveries: int) -> None:
        """Say how many deliveries wait now in this process."""
        _WAITING.set(deliveries)

    def kept(self, provider: str, way: str, *, new: int, again: int) -> None:
        """Count events that were kept, and those that had been before."""
        _KEPT.labels(provider, way, "first").inc(new)
        _KEPT.labels(provider, way, "again").inc(again)
        if way == "polled":
            _FOUND.labels(provider).inc(new)

    def batch(self, *, deliveries: int, seconds: float) -> None:
        """Count one committed batch."""
        _BATCH_DELIVERIES.observe(deliveries)
        _BATCH_SECONDS.observe(seconds)

    def trouble(self, what: str) -> None:
        """Count one trouble by its word, which is one of those known here."""
        assert what in _TROUBLE_OF, what
        _TROUBLE_OF[what].inc()

    def handled(self, provider: str, how: str, events: int) -> None:
        """Count events by how a drain left them."""
        _HANDLED.labels(provider, how).inc(events)

    def drained(self, *, events: int, oldest_s: float) -> None:
        """Count what a drain took, and say how late the oldest was."""
        if events:
            _DRAINED.observe(events)
        _OLDEST.set(oldest_s)
