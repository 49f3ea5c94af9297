"""One group's process: claims its queues' jobs, runs its drains, leaves in good order.

It knows no composition root: whoever starts it hands over what it needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from tallystick import db
from tallystick.jobs.model import GROUPS, Drain, Registry
from tallystick.jobs.rules import heartbeat_s, trouble_delay_s
from tallystick.jobs.worker.claims import Claims
from tallystick.jobs.worker.drains import DrainLoop
from tallystick.jobs.worker.loops import Loop
from tallystick.jobs.worker.runs import add_tasks
from tallystick.jobs.worker.upkeep import Upkeep

__all__ = ["run_group"]

log: Final = structlog.get_logger(__name__)

_POLL_S: Final = 1.0
_NEVER_S: Final = 366 * 24 * 3600.0
_EXIT_LEFT: Final = 75  # EX_TEMPFAIL: work was left behind, and will be done again


def run_group(
    *,
    registry: Registry,
    drains: Iterable[Drain],
    group: str,
    url: str,
    concurrency: int,
    stalled_after_s: float = 10.0,
    attempts_max: int = 8,
    drain_s: float = 25.0,
) -> None:
    """Run the group's jobs and drains in this process until SIGTERM.

    `url` must reach PostgreSQL directly: LISTEN does not pass a transaction pooler. At most
    `concurrency` jobs run at once, each in a thread. After SIGTERM nothing more is claimed and
    what runs may finish for `drain_s` seconds; past that the process ends with status 75 and
    the rest is rescued by others.
    """
    # Procrastinate tells each outcome too, with the job's arguments in it.
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
    with contextlib.suppress(ValueError):
        # A terminal's Ctrl-C reaches the whole family: the parent passes it on, once.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    upkeep = Upkeep(
        registry=registry, url=url, stalled_after_s=stalled_after_s, attempts_max=attempts_max
    )
    own = [DrainLoop(drain, url=url, poll_s=_POLL_S) for drain in drains if drain.group == group]
    executor = ThreadPoolExecutor(concurrency, thread_name_prefix=f"job-{group}")
    connector = _connector(url, group)
    app = App(connector=connector)
    claims = Claims(connector, known=[handler.name for handler in registry])
    app.job_manager = claims
    add_tasks(app, registry, executor)
    shift = _Shift(app, claims, group, concurrency, heartbeat_s(stalled_after_s), drain_s)
    asyncio.run(shift.work([upkeep, *own]))
    executor.shutdown()


def _connector(url: str, group: str) -> PsycopgConnector:
    kwargs: dict[str, Any] = {
        "application_name": f"tallystick-worker-{group}",
        "connect_timeout": 2,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": "-c timezone=UTC -c statement_timeout=10s",
        # Committing each by itself, psycopg would never forget a plan that a migration has killed.
        "prepare_threshold": None,
    }
    return PsycopgConnector(
        pool_factory=_pool,
        conninfo=url,
        kwargs=kwargs,
        configure=_commit_each,
        min_size=0,
        max_size=3,
        timeout=5.0,
        reconnect_timeout=2.0,
    )


def _pool(**options: Any) -> AsyncConnectionPool:
    """Return the queue's pool; who is asked whether they live is only who may be dead."""
    return AsyncConnectionPool(**{**options, "check": _check})


async def _check(conn: psycopg.AsyncConnection[Any]) -> None:
    """Raise psycopg.OperationalError for a connection that has said farewell.

    It is used each second at least, and what the queue asks is asked again where it got lost.
    """
    if db.has_news(conn):
        await AsyncConnectionPool.check_connection(conn)


async def _commit_each(conn: psycopg.AsyncConnection[Any]) -> None:
    """Let each call to the queue be its own transaction: all of them are one statement."""
    await conn.set_autocommit(True)


@dataclass
class _Shift:
    """A worker's life from the first claim to the last job."""

    app: App
    claims: Claims
    group: str
    concurrency: int
    heartbeat_s: float
    drain_s: float

    async def work(self, loops: list[Loop]) -> None:
        """Work until SIGTERM, then finish; does not return where jobs are left behind."""
        self._told = asyncio.Event()
        self._worker: Worker | None = None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        for loop in loops:
            loop.start()
        beating = asyncio.create_task(self._beat())
        serving = asyncio.create_task(self._serve())
        log.info("worker_ready", group=self.group, queues=GROUPS[self.group], pid=os.getpid())
        await self._told.wait()
        leave_by = time.monotonic() + self.drain_s
        for loop in loops:
            loop.stop()
        await asyncio.wait([serving], timeout=self.drain_s)
        for loop in loops:
            await asyncio.to_thread(loop.join, max(0.1, leave_by - time.monotonic()))
        if not serving.done() or any(loop.is_alive() for loop in loops):
            self._leave()
        beating.cancel()
        log.info("worker_left", group=self.group)

    def _stop(self) -> None:
        self._told.set()
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]  # Procrastinate's

    async def _serve(self) -> None:
        """Keep a worker going; one that ended by an error is followed by another."""
        failures = 0
        while not self._told.is_set():
            try:
                async with self.app.open_async():
                    self._worker = self._new_worker()
                    if not self._told.is_set():
                        await self._worker.run()  # type: ignore[no-untyped-call]  # the same
                failures = 0
            except Exception as trouble:  # noqa: BLE001 - the process outlives every error
                failures += 1
                log.warning("worker_interrupted", group=self.group, trouble=_why(trouble))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._told.wait(), trouble_delay_s(failures))

    def _new_worker(self) -> Worker:
        return Worker(
            self.app,
            queues=list(GROUPS[self.group]),
            name=self.group,
            concurrency=self.concurrency,
            fetch_job_polling_interval=_POLL_S,
            abort_job_polling_interval=_NEVER_S,
            install_signal_handlers=False,
            # We report ourselves: theirs ends with the first SIGTERM, while jobs still run, and
            # their pruning at the start takes everybody for dead after an outage.
            update_heartbeat_interval=_NEVER_S,
            stalled_worker_timeout=_NEVER_S,
        )

    async def _beat(self) -> None:
        while True:
            try:
                await self.claims.beat()
            except Exception as trouble:  # noqa: BLE001 - silence would get our jobs taken away
                log.warning("worker_unheard", group=self.group, trouble=_why(trouble))
            await asyncio.sleep(self.heartbeat_s)

    def _leave(self) -> None:
        """End at once: threads that hang can be neither ended nor waited for."""
        log.warning("jobs_left_to_rescue", group=self.group, jobs=self.claims.held)
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_EXIT_LEFT)


def _why(trouble: Exception) -> str:
    return f"{type(trouble).__name__}: {trouble.__cause__ or trouble}"
