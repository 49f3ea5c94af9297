"""Misbehaviour on request: a queue of one-shot faults, each for the next operation it fits.

It only remembers what was asked for; the doors do the misbehaving. Faults are not journalled:
a restart clears them, so a simulator that was told to die does not die again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tallystick.simulator.errors import FaultMalformed

__all__ = ["OPERATION_FAULTS", "WEBHOOK_FAULTS", "Fault", "Faults"]

#: What can happen to a request, and what it does.
OPERATION_FAULTS: Final = {
    "error_500": "does nothing and answers 500; the answer is kept under the request's key",
    "error_500_after_charge": "does the work, then answers 500, which is kept under the key",
    "rate_limited": "does nothing and answers 429; nothing is kept",
    "timeout": "does nothing and never answers",
    "timeout_after_charge": "does the work and never answers; the answer is kept under the key",
    "slow": "does the work and answers after `after_s`; until then the key is in use",
    "kill": "does the work, then the process kills itself before it answers",
}
#: What can happen to a webhook, and what it does.
WEBHOOK_FAULTS: Final = {
    "lost_webhook": "the event is never delivered; only the list of events shows it",
    "double_webhook": "the event is delivered twice",
    "late_webhook": "the event is delivered after `after_s`, behind newer ones",
}

_QUEUE_MAX: Final = 1_000
_AFTER_S_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, once."""

    what: str
    #: The operation or the event type that it waits for; None for the next that fits.
    match: str | None = None
    #: Delay of `slow` and `late_webhook`, in seconds.
    after_s: float = 5.0


class Faults:
    """The queue; safe to use from every thread."""

    def __init__(self) -> None:
        """Start with good behaviour."""
        self._queue: deque[Fault] = deque()
        self._lock = threading.Lock()

    def add(self, order: Mapping[str, Any]) -> list[Fault]:
        """This function will queue what the order asks for, `times` times, and return it.

        Raises FaultMalformed for an order that it does not understand.
        """
        fault, times = _read(order)
        with self._lock:
            if len(self._queue) + times > _QUEUE_MAX:
                raise FaultMalformed(f"At most {_QUEUE_MAX} faults can wait; clear some first.")
            self._queue.extend([fault] * times)
        return [fault] * times

    def take(
        self, name: str, *, family: Mapping[str, str], is_default: bool = True
    ) -> Fault | None:
        """Return the first waiting fault of the family for this name, at most once each.

        `is_default` says whether a fault that names nothing fits.
        """
        with self._lock:
            for fault in self._queue:
                fits = fault.match == name if fault.match else is_default
                if fault.what in family and fits:
                    self._queue.remove(fault)
                    return fault
        return None

    def waiting(self) -> list[Fault]:
        """Return what still waits, in order."""
        with self._lock:
            return list(self._queue)

    def clear(self) -> None:
        """This function will forget what still waits."""
        with self._lock:
            self._queue.clear()


def _read(order: Mapping[str, Any]) -> tuple[Fault, int]:
    unknown = set(order) - {"what", "match", "after_s", "times"}
    if unknown:
        raise FaultMalformed(
            f"Unknown: {', '.join(sorted(unknown))}. Use what, match, after_s, times."
        )
    what = order.get("what")
    known = [*OPERATION_FAULTS, *WEBHOOK_FAULTS]
    if what not in known:
        raise FaultMalformed(f"Give `what` as one of: {', '.join(known)}.")
    match = order.get("match")
    if match is not None and not isinstance(match, str):
        raise FaultMalformed("Give `match` as the name of an operation or the type of an event.")
    after_s = order.get("after_s", 5)
    if type(after_s) not in {int, float} or not 0 <= after_s <= _AFTER_S_MAX:
        raise FaultMalformed(f"Give `after_s` in seconds, from 0 to {_AFTER_S_MAX}.")
    times = order.get("times", 1)
    if type(times) is not int or not 1 <= times <= _QUEUE_MAX:
        raise FaultMalformed(f"Give `times` as a whole number from 1 to {_QUEUE_MAX}.")
    return Fault(what, match, float(after_s)), times
