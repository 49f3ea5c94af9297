"""Threads that go round until told to stop, and come back after any error.

A round that fails is logged and tried again after a growing wait, 5 s at most.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final

import psycopg
import structlog

from tallystick.db import DatabaseUnavailable
from tallystick.jobs.rules import trouble_delay_s

__all__ = ["Loop", "connect"]

log: Final = structlog.get_logger(__name__)

#: A silent peer is given up within 25 s, also where no packet says that it is gone.
_OPTIONS: Final[dict[str, Any]] = {
    "autocommit": True,
    "connect_timeout": 2,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "options": "-c timezone=UTC -c statement_timeout=30s",
    "prepare_threshold": None,
}


def connect(url: str, *, name: str) -> psycopg.Connection:
    """Return a new connection in autocommit, with keepalives; raises psycopg.OperationalError."""
    return psycopg.connect(url, application_name=name, **_OPTIONS)


class Loop(threading.Thread, ABC):
    """A thread of rounds. It holds no process back from ending."""

    def __init__(self, name: str) -> None:
        """Name the thread; `start` sets it going."""
        super().__init__(name=name, daemon=True)
        self.stopping: Final = threading.Event()

    def stop(self) -> None:
        """Let the running round be the last."""
        self.stopping.set()

    def run(self) -> None:
        """Go round until stopped."""
        failures = 0
        while not self.stopping.is_set():
            try:
                self.round()
                failures = 0
            except Exception as trouble:  # noqa: BLE001 - the loop outlives every error
                failures += 1
                self._tell(trouble, failures)
                self.stopping.wait(trouble_delay_s(failures))
        self.close()

    def _tell(self, trouble: Exception, failures: int) -> None:
        """Log a lost database in a line, and what we do not know with its trace."""
        is_outage = isinstance(trouble, (psycopg.OperationalError, DatabaseUnavailable))
        say: Callable[..., Any] = log.warning if is_outage else log.error
        trace = None if is_outage else trouble
        say("loop_failed", loop=self.name, failures=failures, trouble=str(trouble), exc_info=trace)

    @abstractmethod
    def round(self) -> None:
        """Do one round, waits included; raise to be called again later."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is open; called once, at the end."""
