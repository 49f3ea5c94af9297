"""A breaker's memory as a text for the store, and back. What it cannot read counts as nothing.

Anybody with the store's password can write there: a text is input like any other.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from tallystick.resilience.model import BreakerState, Bucket, Memory

__all__ = ["read", "write"]

_VERSION: Final = 1
_BYTES_MAX: Final = 8_192
_BUCKETS_MAX: Final = 64
#: No count, moment or rate of ours is greater.
_GREATEST: Final = 2.0**53


def write(memory: Memory) -> bytes:
    """Return the memory as one line of JSON."""
    counts = [[one.begun_at, one.calls, one.failures, one.slow] for one in memory.buckets]
    moments = [memory.touched_at, memory.until, memory.tripped_at]
    pace = [memory.rate, memory.paced_until, memory.next_at]
    parts = [_VERSION, memory.state, memory.turn, memory.streak, moments, pace, counts]
    return json.dumps(parts, separators=(",", ":"), allow_nan=False).encode()


def read(raw: bytes) -> Memory | None:
    """Return the memory that a text holds; None where it is no text of ours."""
    if len(raw) > _BYTES_MAX:
        return None
    try:
        version, state, turn, streak, moments, pace, counts = json.loads(raw)
        if version != _VERSION or len(counts) > _BUCKETS_MAX:
            return None
        touched_at, until, tripped_at = map(_number, moments)
        rate, paced_until, next_at = map(_number, pace)
        return Memory(
            state=BreakerState(state),
            turn=_count(turn),
            touched_at=touched_at,
            buckets=tuple(_bucket(*one) for one in counts),
            until=until,
            tripped_at=tripped_at,
            streak=_count(streak),
            rate=max(0.0, rate),
            paced_until=paced_until,
            next_at=next_at,
        )
    except (ValueError, TypeError, RecursionError):
        return None


def _bucket(begun_at: Any, calls: Any, failures: Any, slow: Any) -> Bucket:
    return Bucket(_number(begun_at), _count(calls), _count(failures), _count(slow))


def _number(value: Any) -> float:
    if type(value) not in {int, float} or not math.isfinite(value) or abs(value) > _GREATEST:
        raise ValueError("no number of ours")
    return float(value)


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _GREATEST:
        raise ValueError("no count of ours")
    return value
