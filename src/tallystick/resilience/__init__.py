"""Resilience: breaker, bulkhead and deadline round every call that leaves the house.

It decides whether a call goes out, and never repeats one. This door needs the base install alone:
the fleet's store in Redis is `resilience.fleet`, the line with a total deadline `resilience.http`.
"""

from __future__ import annotations

from tallystick.resilience.deadline import Deadline, DeadlinePassed
from tallystick.resilience.errors import BreakerOpen, BulkheadFull, ResilienceError
from tallystick.resilience.model import BreakerPolicy, BreakerState, BreakerView
from tallystick.resilience.operations import Admitted, Breakers
from tallystick.resilience.shared import Kept, Meter, Shared

__all__ = [
    "Admitted",
    "BreakerOpen",
    "BreakerPolicy",
    "BreakerState",
    "BreakerView",
    "Breakers",
    "BulkheadFull",
    "Deadline",
    "DeadlinePassed",
    "Kept",
    "Meter",
    "ResilienceError",
    "Shared",
]
