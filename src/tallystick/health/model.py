"""What is asked and what is answered. No I/O of its own, and no internals in an answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "Report", "Result", "Status"]


class Status(StrEnum):
    """How the whole is."""

    OK = "ok"  #: everything answers
    DEGRADED = "degraded"  #: slower or with something missing, but right
    DOWN = "down"  #: requests cannot be served


@dataclass(frozen=True, slots=True)
class Check:
    """One question: `run` returns quietly, or raises whatever it likes."""

    name: str
    run: Callable[[], None]
    #: Whether nothing can be served without it.
    critical: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One answer, without the reason: that is logged, because it may name hosts."""

    name: str
    is_ok: bool
    critical: bool
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Report:
    """All answers, and what they mean together."""

    checks: list[Result]

    @property
    def status(self) -> Status:
        """Return down where something critical fails, degraded where anything else does."""
        failed = [result for result in self.checks if not result.is_ok]
        if any(result.critical for result in failed):
            return Status.DOWN
        return Status.DEGRADED if failed else Status.OK
