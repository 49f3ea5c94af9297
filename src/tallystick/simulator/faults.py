"""Misbehaviour on request: a queue of one-shot faults, and an outage that lasts until it is ended.

It only remembers what was asked for; the doors do the misbehaving. Nothing here is journalled:
a restart clears it, so a simulator that was told to die does not die again.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from tallystick.simulator.errors import FaultMalformed

__all__ = [
    "ANSWER_FAULTS",
    "LIES",
    "MONEY_FAULTS",
    "OPERATION_FAULTS",
    "WEBHOOK_FAULTS",
    "Fault",
    "Faults",
    "Outage",
]

#: True work, false words: what the answer says is not what the book holds.
LIES: Final = {
    "html_body": "does the work and answers 200 with a page of HTML",
    "other_amount": "does the work and answers with other amounts (1 more, or `amount`)",
    "other_currency": "does the work and answers with another currency (`currency`, or another)",
    "other_id": "does the work and answers with the id of an object that does not exist",
    "unknown_status": "does the work and answers with a status that nobody has heard of",
    "duplicate_keys": "does the work and answers with JSON that says each field twice",
}
#: What happens between the work and the caller.
ANSWER_FAULTS: Final = {
    "timeout_after_charge": "does the work and never answers; the answer is kept under the key",
    "slow": "does the work and answers after `after_s`; until then the key is in use",
    "cut_body": "does the work, sends half of the answer and closes the connection",
    "drip": "does the work and sends a byte each `after_s` (1 second unless given)",
    "huge_body": "does the work and answers with 10 MiB of JSON",
    "kill": "does the work, then the process kills itself before it answers",
    "kill_caller": "does the work, then kills the process that called (or `pid`); no answer",
}
#: What can happen to a request, and what it does.
OPERATION_FAULTS: Final = {
    "error_500": "does nothing and answers 500; the answer is kept under the request's key",
    "error_500_after_charge": "does the work, then answers 500, which is kept under the key",
    "rate_limited": "does nothing and answers 429 with Retry-After; nothing is kept",
    "timeout": "does nothing and never answers",
    **ANSWER_FAULTS,
    **LIES,
}
#: What can happen to a webhook, and what it does.
WEBHOOK_FAULTS: Final = {
    "lost_webhook": "the event is never delivered; only the list of events shows it",
    "double_webhook": "the event is delivered twice",
    "late_webhook": "the event is delivered after `after_s`, behind newer ones",
    "out_of_order_webhook": "the event is delivered once a newer one was, or after `after_s`",
}
#: What can happen to money that nobody's answer tells of.
MONEY_FAULTS: Final = {
    "pending_refund": "the next refund is pending; after `after_s` it becomes `status`, if given",
    "other_payment": "the next payment is of `amount`, in `currency`, whatever was asked for",
}
_ALL: Final = {**OPERATION_FAULTS, **WEBHOOK_FAULTS, **MONEY_FAULTS}

_QUEUE_MAX: Final = 1_000
_AFTER_S_MAX: Final = 600
_AMOUNT_MAX: Final = 99_999_999
_AFTER_S: Final = {"drip": 1.0, "out_of_order_webhook": 30.0}
_OUTAGE_ANSWERS: Final = (429, 500, 502, 503, "hang")


@dataclass(frozen=True, slots=True)
class Fault:
    """One misbehaviour, once."""

    what: str
    #: The operation or the event type that it waits for; None for the next that fits.
    match: str | None = None
    #: Delay, in seconds.
    after_s: float = 5.0
    #: What a 429 says in Retry-After, in seconds.
    retry_after_s: int = 1
    #: The process that `kill_caller` kills; None for the one that called.
    pid: int | None = None
    #: The false or other amount, in the provider's unit.
    amount: int | None = None
    currency: str | None = None
    #: What a pending refund becomes.
    status: str | None = None

    def shown(self) -> dict[str, Any]:
        """Return it as the control API shows it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Outage:
    """A provider that is down: every n-th call of its API gets this, until somebody ends it."""

    #: A status, or `hang` for no answer.
    answer: int | str = 503
    every: int = 1
    retry_after_s: int | None = None


class Faults:
    """The queue and the outage; safe to use from every thread."""

    def __init__(self) -> None:
        """Start with good behaviour."""
        self._queue: deque[Fault] = deque()
        self._outage: Outage | None = None
        self._calls = 0
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
        """This function will forget what still waits; an outage goes on."""
        with self._lock:
            self._queue.clear()

    def begin_outage(self, order: Mapping[str, Any]) -> Outage:
        """This function will begin the outage that the order asks for, and return it.

        Raises FaultMalformed for an order that it does not understand.
        """
        outage = _read_outage(order)
        with self._lock:
            self._outage, self._calls = outage, 0
        return outage

    def end_outage(self) -> None:
        """This function will end an outage; without one it does nothing."""
        with self._lock:
            self._outage = None

    def outage(self) -> Outage | None:
        """Return the outage that lasts, or None."""
        with self._lock:
            return self._outage

    def struck(self) -> Outage | None:
        """Return the outage where it strikes this call of the API, and count the call."""
        with self._lock:
            if self._outage is None:
                return None
            self._calls += 1
            return self._outage if self._calls % self._outage.every == 0 else None


def _read(order: Mapping[str, Any]) -> tuple[Fault, int]:
    given = dict(order)
    what = given.pop("what", None)
    if not isinstance(what, str) or what not in _ALL:
        raise FaultMalformed(f"Give `what` as one of: {', '.join(_ALL)}.")
    times = _whole(given.pop("times", 1), "times", 1, _QUEUE_MAX)
    unknown = set(given) - set(_OPTIONS)
    if unknown:
        known = ", ".join(["what", "times", *_OPTIONS])
        raise FaultMalformed(f"Unknown: {', '.join(sorted(unknown))}. Use {known}.")
    values = {"after_s": _AFTER_S.get(what, 5.0)}
    for name, value in given.items():
        check, owners = _OPTIONS[name]
        if value is None:
            continue
        if owners and what not in owners:
            raise FaultMalformed(f"`{name}` is for {' and '.join(owners)} alone.")
        values[name] = check(value)
    fault = Fault(what, **values)  # type: ignore[arg-type]  # each option was checked above
    if what == "other_payment" and fault.amount is None and fault.currency is None:
        raise FaultMalformed("Give other_payment its `amount`, its `currency`, or both.")
    return fault, times


def _read_outage(order: Mapping[str, Any]) -> Outage:
    unknown = set(order) - {"answer", "every", "retry_after_s"}
    if unknown:
        raise FaultMalformed(
            f"Unknown: {', '.join(sorted(unknown))}. Use answer, every, retry_after_s."
        )
    answer = order.get("answer", 503)
    if answer not in _OUTAGE_ANSWERS or isinstance(answer, float):
        known = ", ".join(str(one) for one in _OUTAGE_ANSWERS)
        raise FaultMalformed(f"Give `answer` as one of: {known}.")
    retry_after_s = order.get("retry_after_s")
    return Outage(
        answer,
        _whole(order.get("every", 1), "every", 1, 1_000_000),
        None if retry_after_s is None else _retry_after(retry_after_s),
    )


def _whole(value: object, name: str, smallest: int, largest: int) -> int:
    if type(value) is not int or not smallest <= value <= largest:
        raise FaultMalformed(f"Give `{name}` as a whole number from {smallest} to {largest}.")
    return value


def _match(value: object) -> str:
    if not isinstance(value, str):
        raise FaultMalformed("Give `match` as the name of an operation or the type of an event.")
    return value


def _after(value: object) -> float:
    if not (type(value) is int or type(value) is float) or not 0 <= value <= _AFTER_S_MAX:
        raise FaultMalformed(f"Give `after_s` in seconds, from 0 to {_AFTER_S_MAX}.")
    return float(value)


def _retry_after(value: object) -> int:
    return _whole(value, "retry_after_s", 0, 86_400)


def _pid(value: object) -> int:
    pid = _whole(value, "pid", 2, 2**31 - 1)
    if pid == os.getpid():
        raise FaultMalformed("`pid` is the simulator itself: ask for `kill` instead.")
    return pid


def _amount(value: object) -> int:
    return _whole(value, "amount", 0, _AMOUNT_MAX)


def _currency(value: object) -> str:
    if not isinstance(value, str) or len(value) != 3 or not value.isascii() or not value.isalpha():  # noqa: PLR2004 - ISO's three letters
        raise FaultMalformed("Give `currency` as three letters.")
    return value.lower()


def _status(value: object) -> str:
    if value not in {"succeeded", "failed"}:
        raise FaultMalformed("Give `status` as succeeded or failed.")
    return str(value)


#: Each option: how it is read, and the faults that alone take it (none: every fault).
_OPTIONS: Final[Mapping[str, tuple[Callable[[object], Any], tuple[str, ...]]]] = {
    "match": (_match, ()),
    "after_s": (_after, ()),
    "retry_after_s": (_retry_after, ("rate_limited",)),
    "pid": (_pid, ("kill_caller",)),
    "amount": (_amount, ("other_amount", "other_payment")),
    "currency": (_currency, ("other_currency", "other_payment")),
    "status": (_status, ("pending_refund",)),
}
