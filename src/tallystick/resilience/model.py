"""What a breaker is, as plain facts: its policy, its state, what a call may and what became of it.

All moments are seconds on one clock, whichever the caller reads. No I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = [
    "Admission",
    "BreakerPolicy",
    "BreakerState",
    "BreakerView",
    "Bucket",
    "Memory",
    "Outcome",
    "Ticket",
]


class BreakerState(StrEnum):
    """Whether calls go out."""

    CLOSED = "closed"  #: they go out, and are counted
    OPEN = "open"  #: none goes out until its time is over
    HALF_OPEN = "half_open"  #: one probe is out, and everybody else waits for its verdict


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker trips, and how it comes back. Seconds are `_s`, shares are 0 to 1."""

    #: How far back calls are counted.
    window_s: float = 30.0
    #: Below so many calls in the window, no share says anything.
    volume_min: int = 10
    #: It trips at this share of failures.
    error_rate: float = 0.5
    #: A call that took so long is slow, whatever it answered.
    slow_call_s: float = 5.0
    #: It trips at this share of slow calls.
    slow_rate: float = 0.8
    #: How long it is open at first; doubled by each probe that was not good, to the greatest.
    open_for_s: float = 10.0
    open_for_max_s: float = 60.0
    #: So much of that time is left out, by chance, so that not all providers are probed at once.
    jitter: float = 0.2
    #: How long a probe's verdict is waited for at the least; past it the next probe may go.
    probe_lease_s: float = 10.0
    #: After a reset, calls go out at most so many times as often as before the trip …
    pace_factor: float = 2.0
    #: … and never less often than so many times a second, or a quiet house would stay quiet.
    pace_rate_min: float = 1.0
    #: How many calls of one operation a process has out at once.
    calls_max: int = 8

    def __post_init__(self) -> None:
        """Refuse what would never trip, trip always, or never come back."""
        shares = (self.error_rate, self.slow_rate)
        assert all(0 < share <= 1 for share in shares), shares
        assert 0 <= self.jitter < 1, self.jitter
        assert min(self.volume_min, self.calls_max) >= 1
        lengths = (self.window_s, self.slow_call_s, self.open_for_s, self.probe_lease_s)
        assert min(lengths) > 0, lengths
        assert self.open_for_max_s >= self.open_for_s
        assert self.pace_factor > 0
        assert self.pace_rate_min > 0


@dataclass(frozen=True, slots=True)
class Bucket:
    """What was counted from one moment on, for a tenth of the window."""

    begun_at: float
    calls: int = 0
    failures: int = 0
    slow: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """All that is known of one breaker: the same at home and in the fleet's store."""

    state: BreakerState = BreakerState.CLOSED
    #: Counts the changes of state, in a ring: who knows the later one knows more.
    turn: int = 0
    #: When this was last written. No other moment here makes sense without it.
    touched_at: float = 0.0
    buckets: tuple[Bucket, ...] = ()
    #: Open: until when. Half open: until when the probe's verdict is waited for.
    until: float = 0.0
    #: When it tripped, which later openings of the same trouble do not change.
    tripped_at: float = 0.0
    #: How many probes in a row were not good.
    streak: int = 0
    #: The usual calls a second, as they were before any trouble.
    rate: float = 0.0
    #: Until when calls are paced, and when the next may go.
    paced_until: float = 0.0
    next_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """The leave to make one call; what became of it counts in the same turn alone."""

    turn: int
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """A ticket, or the seconds after which to ask again; and what is remembered of it."""

    memory: Memory
    ticket: Ticket | None
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a call."""

    is_failure: bool
    took_s: float


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker as an operator sees it."""

    name: str
    state: BreakerState
    #: Of the calls in the window.
    failures: int
    slow: int
    calls: int
    #: Seconds since it tripped; None while it is closed.
    opened_ago_s: float | None
    #: Seconds until a call may go out; 0 where one may go now.
    retry_after_s: float
    #: Whether calls are paced after a reset.
    is_paced: bool
    #: Whether this is the fleet's knowledge, or, while its store is away, this process's alone.
    shared: bool
