"""The queue's own upkeep: rescuer, scheduler and pruner, in every group's process.

Each round one process of the fleet does the work and the others pass; killed in the middle,
its transaction is rolled back and another goes on.
"""

from __future__ import annotations

import contextlib
import random
import time
from typing import Final

import psycopg
import structlog

from tallystick.jobs import operations
from tallystick.jobs.model import Registry
from tallystick.jobs.rules import grace_s, heartbeat_s
from tallystick.jobs.worker.loops import Loop, connect

__all__ = ["Upkeep"]

log: Final = structlog.get_logger(__name__)

_PRUNE_EVERY_S: Final = 60.0
_ROUND_S_MAX: Final = 1.0


class Upkeep(Loop):
    """Rescues jobs of dead processes, enqueues by the clock, deletes what is old."""

    def __init__(
        self, *, registry: Registry, url: str, stalled_after_s: float, attempts_max: int
    ) -> None:
        """Keep what is needed; nothing is connected before `start`."""
        super().__init__("upkeep")
        self._registry: Final = registry
        self._url: Final = url
        self._stalled_after_s: Final = stalled_after_s
        self._attempts_max: Final = attempts_max
        self._every_s: Final = min(heartbeat_s(stalled_after_s), _ROUND_S_MAX)
        self._conn: psycopg.Connection | None = None
        self._seen_at = 0.0
        self._patient_until = 0.0
        self._prune_at = 0.0

    def round(self) -> None:
        """Do what is due in one transaction, then wait."""
        conn = self._connected()
        self._look_at_the_clock()
        try:
            with conn.transaction():
                if operations.is_only_one(conn):
                    self._work(conn)
        except psycopg.Error:
            self.close()
            raise
        self.stopping.wait(self._every_s)

    def close(self) -> None:
        """Close the connection."""
        if self._conn is not None:
            with contextlib.suppress(psycopg.Error):
                self._conn.close()
            self._conn = None

    def _connected(self) -> psycopg.Connection:
        if self._conn is None:
            self._conn = connect(self._url, name="tallystick-upkeep")
            self._seen_at = 0.0
        return self._conn

    def _look_at_the_clock(self) -> None:
        """Leave everybody time to report after an outage, of the database's or of our own."""
        now = time.monotonic()
        grace = grace_s(self._stalled_after_s)
        if now - self._seen_at > self._every_s + grace:
            self._patient_until = now + grace
        self._seen_at = now

    def _work(self, conn: psycopg.Connection) -> None:
        for periodic in operations.enqueue_periodics(conn, registry=self._registry):
            log.info("job_enqueued_by_clock", job=periodic.name)
        now = time.monotonic()
        if now >= self._patient_until:
            self._rescue(conn)
        if now >= self._prune_at:
            gone = operations.prune(conn, silent_s=10 * self._stalled_after_s)
            # A full batch promises more.
            self._prune_at = now if gone else now + _PRUNE_EVERY_S

    def _rescue(self, conn: psycopg.Connection) -> None:
        rescued = operations.rescue(
            conn,
            registry=self._registry,
            attempts_max=self._attempts_max,
            stalled_after_s=self._stalled_after_s,
            draw=random.random,
        )
        if rescued.again:
            log.warning("jobs_rescued", jobs=rescued.again)
        for job_id in rescued.poisoned:
            log.error("job_poisoned", job_id=job_id)
