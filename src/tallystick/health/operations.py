"""Asking all checks at once. A check that hangs costs the deadline and no more."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

import structlog

from tallystick import clock
from tallystick.health.model import Check, Report, Result

__all__ = ["examine"]

log: Final = structlog.get_logger(__name__)


def examine(checks: Iterable[Check], *, timeout_s: float) -> Report:
    """Ask every check at the same time and return the report after `timeout_s` at most.

    A check that has not answered by then has failed; its thread is left behind, and ends
    with the check's own deadlines. Why a check fails is logged, not returned.
    """
    asked = [_Question(check) for check in checks]
    mark = clock.start()
    for question in asked:
        question.thread.start()
    for question in asked:
        question.thread.join(max(0.0, timeout_s - clock.elapsed_since(mark)))
    return Report([question.answer(timeout_s) for question in asked])


class _Question:
    """One check on its way, in a thread that no exit waits for."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.thread = threading.Thread(target=self._ask, name=f"health-{check.name}", daemon=True)
        self._result: Result | None = None

    def answer(self, timeout_s: float) -> Result:
        """Return the result, or a failure where there is none yet."""
        if self._result is not None:
            return self._result
        log.warning("health_check_timed_out", check=self.check.name, timeout_s=timeout_s)
        return Result(self.check.name, False, self.check.critical, round(timeout_s * 1000))

    def _ask(self) -> None:
        mark = clock.start()
        is_ok = True
        try:
            self.check.run()
        except Exception as trouble:  # noqa: BLE001 - a check may raise whatever it likes
            is_ok = False
            log.warning("health_check_failed", check=self.check.name, reason=repr(trouble))
        took_ms = round(clock.elapsed_since(mark) * 1000)
        self._result = Result(self.check.name, is_ok, self.check.critical, took_ms)
