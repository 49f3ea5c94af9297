"""The ledger's Writer: its queue, its batches, and what it has to recover from.

The Writer lives in the heart and knows a protocol alone, which WriterMetrics keeps.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["WriterMetrics"]

_SECONDS_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_TROUBLES: Final = (
    "deadlock",
    "lock_timeout",
    "connection_lost",
    "outcome_asked",
    "outcome_unknown",
    "poison",
    "queue_full",
    "split",
    "slow_lane",
    "deadline",
)

_WAITING: Final = Gauge(
    "tallystick_writer_waiting_deeds",
    "Deeds that wait for their batch now.",
    multiprocess_mode="livesum",
)
_WAITING_SLOWLY: Final = Gauge(
    "tallystick_writer_slow_lane_deeds",
    "Deeds of the slow lane that wait now.",
    multiprocess_mode="livesum",
)
_BATCH_DEEDS: Final = Histogram(
    "tallystick_writer_batch_deeds",
    "Deeds of a committed batch, refused ones included.",
    buckets=[2**power for power in range(11)],
)
_BATCH_SECONDS: Final = Histogram(
    "tallystick_writer_batch_seconds",
    "How long a batch took to its commit, in seconds.",
    buckets=_SECONDS_BUCKETS,
)
_DEEDS: Final = Counter(
    "tallystick_writer_deeds_total",
    "Deeds of committed batches, by their outcome.",
    ("outcome",),
)
_WAIT_SECONDS: Final = Histogram(
    "tallystick_writer_wait_seconds",
    "From the hand-over of a batch's oldest deed to its outcome, in seconds.",
    buckets=_SECONDS_BUCKETS,
)
_TROUBLE: Final = Counter(
    "tallystick_writer_trouble_total",
    "What the Writer had to recover from, or refused.",
    ("what",),
)
# Made at once, so that each stands there with 0 and its first time is seen as a rise.
_POSTED: Final = _DEEDS.labels("posted")
_REFUSED: Final = _DEEDS.labels("refused")
_REPLAYED: Final = _DEEDS.labels("replayed")
_TROUBLE_OF: Final = {what: _TROUBLE.labels(what) for what in _TROUBLES}


class WriterMetrics:
    """What the Writer of this process tells of itself: every call returns at once."""

    def waiting(self, deeds: int) -> None:
        """Say how many deeds wait now in this process."""
        _WAITING.set(deeds)

    def waiting_slowly(self, deeds: int) -> None:
        """Say how many deeds of the slow lane wait now in this process."""
        _WAITING_SLOWLY.set(deeds)

    def batch(self, *, deeds: int, refused: int, replayed: int, seconds: float) -> None:
        """Count one committed batch: its deeds, those refused and replayed, and its seconds."""
        posted = deeds - refused - replayed
        assert min(posted, refused, replayed) >= 0
        _BATCH_DEEDS.observe(deeds)
        _BATCH_SECONDS.observe(seconds)
        _POSTED.inc(posted)
        _REFUSED.inc(refused)
        _REPLAYED.inc(replayed)

    def waited(self, seconds: float) -> None:
        """Count the seconds of a batch's oldest deed from its hand-over to its outcome."""
        _WAIT_SECONDS.observe(seconds)

    def trouble(self, what: str) -> None:
        """Count one trouble by its name, which is one of those known here."""
        assert what in _TROUBLE_OF, what
        _TROUBLE_OF[what].inc()
