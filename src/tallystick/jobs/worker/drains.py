"""The loop round a drain: woken by NOTIFY, each second in any case, until nothing is left.

The notification is only a hint: losing every one costs a second, never a row.
"""

from __future__ import annotations

import contextlib
from typing import Final

import psycopg
import structlog
from psycopg import sql

from tallystick.jobs.model import Drain
from tallystick.jobs.worker.loops import Loop, connect

__all__ = ["DrainLoop"]

log: Final = structlog.get_logger(__name__)


class DrainLoop(Loop):
    """Calls a drain whenever there may be something in it."""

    def __init__(self, drain: Drain, *, url: str, poll_s: float) -> None:
        """Keep what is needed; nothing is connected before `start`."""
        super().__init__(f"drain-{drain.name}")
        self._drain: Final = drain
        self._url: Final = url
        self._poll_s: Final = poll_s
        self._ear: psycopg.Connection | None = None

    def round(self) -> None:
        """Listen, empty the drain, wait for news or the next second."""
        self._listen()
        while not self.stopping.is_set() and self._drain.run() >= self._drain.most:
            pass
        self._wait()

    def close(self) -> None:
        """Close the connection that listens."""
        if self._ear is not None:
            with contextlib.suppress(psycopg.Error):
                self._ear.close()
            self._ear = None

    def _listen(self) -> None:
        """Listen before looking, so that nothing falls in between. Deaf, we poll."""
        if self._ear is not None:
            return
        try:
            ear = connect(self._url, name=f"tallystick-{self.name}"[:63])
            ear.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._drain.channel)))
        except psycopg.Error as trouble:
            log.warning("drain_deaf", drain=self._drain.name, trouble=str(trouble))
        else:
            self._ear = ear

    def _wait(self) -> None:
        if self._ear is None:
            self.stopping.wait(self._poll_s)
            return
        try:
            for _ in self._ear.notifies(timeout=self._poll_s, stop_after=1):
                pass
        except psycopg.Error:
            self.close()
