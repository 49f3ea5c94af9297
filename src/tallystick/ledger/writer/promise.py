"""The promise of an outcome, as concurrent.futures has it, for a thousand deeds a batch.

A Future makes a lock and a condition for each deed, and takes them for each step: a tenth of the
Writer's time. These share one lock, which is held for some assignments, and who waits makes an
event of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from enum import Enum, auto
from typing import Final

import structlog

from tallystick.ledger.model import Outcome

__all__ = ["Promise", "keep_all"]

log: Final = structlog.get_logger(__name__)

_LOCK: Final = threading.Lock()


class _State(Enum):
    """How far a promise is."""

    WAITING = auto()  #: nobody has begun; it can be taken back
    BEGUN = auto()  #: it is worked on
    ENDED = auto()  #: it has an outcome, or a trouble, or was taken back


class Promise:
    """An outcome that will be there."""

    __slots__ = ("_callbacks", "_event", "_outcome", "_state", "_trouble")

    def __init__(self) -> None:
        """Begin to wait."""
        self._state = _State.WAITING
        self._outcome: Outcome | None = None
        self._trouble: BaseException | None = None
        self._event: threading.Event | None = None
        self._callbacks: list[Callable[[Promise], object]] = []

    def begin(self) -> bool:
        """Return whether work may begin: False where it was taken back."""
        with _LOCK:
            if self._state is not _State.WAITING:
                return False
            self._state = _State.BEGUN
            return True

    def cancel(self) -> bool:
        """Take it back and return True, unless work has begun."""
        with _LOCK:
            if self._state is not _State.WAITING:
                return False
            self._trouble = CancelledError()
            self._end()
        self._call_back()
        return True

    def done(self) -> bool:
        """Return whether it has ended."""
        return self._state is _State.ENDED

    def result(self, timeout_s: float | None = None) -> Outcome:
        """Return the outcome, or raise the trouble; raise TimeoutError after `timeout_s`.

        Raises CancelledError where it was taken back.
        """
        if self._state is not _State.ENDED and not self._ending().wait(timeout_s):
            raise TimeoutError
        if self._trouble is not None:
            raise self._trouble
        assert self._outcome is not None, "what has ended has one"
        return self._outcome

    def exception(self, timeout_s: float | None = None) -> BaseException | None:
        """Return the trouble, None where there is an outcome; raise TimeoutError."""
        if self._state is not _State.ENDED and not self._ending().wait(timeout_s):
            raise TimeoutError
        return self._trouble

    def add_done_callback(self, callback: Callable[[Promise], object]) -> None:
        """Have it called with the promise when it ends, or at once where it has."""
        with _LOCK:
            if self._state is not _State.ENDED:
                self._callbacks.append(callback)
                return
        callback(self)

    def fail(self, trouble: BaseException) -> None:
        """End with a trouble."""
        with _LOCK:
            self._trouble = trouble
            self._end()
        self._call_back()

    def keep(self, outcome: Outcome) -> None:
        """End with an outcome."""
        keep_all([self], [outcome])

    def _ending(self) -> threading.Event:
        with _LOCK:
            if self._event is None:
                self._event = threading.Event()
                if self._state is _State.ENDED:
                    self._event.set()
            return self._event

    def _end(self) -> None:
        assert self._state is not _State.ENDED, "an outcome is told once"
        self._state = _State.ENDED
        if self._event is not None:
            self._event.set()

    def _call_back(self) -> None:
        for callback in self._callbacks:
            try:
                callback(self)
            except BaseException:
                log.exception("promise_callback_failed")
        self._callbacks = []


def keep_all(promises: Sequence[Promise], outcomes: Sequence[Outcome]) -> None:
    """End each promise with its outcome, then call back."""
    with _LOCK:
        for promise, outcome in zip(promises, outcomes, strict=True):
            promise._outcome = outcome  # noqa: SLF001 - a batch of our own
            promise._end()  # noqa: SLF001 - the same
    for promise in promises:
        promise._call_back()  # noqa: SLF001 - the same
