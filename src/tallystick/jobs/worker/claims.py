"""What this process has claimed, kept right while the database comes and goes.

Procrastinate's own way lets a worker end at the first lost connection and a job that could
not be settled stay `doing` for ever. Every claim here is settled once, by the run that has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NoReturn

import psycopg
import structlog
from procrastinate.connector import BaseAsyncConnector
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Notification, Status
from procrastinate.manager import JobManager, NotificationCallback
from procrastinate.utils import utcnow

from tallystick.jobs.rules import trouble_delay_s
from tallystick.jobs.store import STATEMENTS

__all__ = ["Claims"]

_ANNOUNCED_MAX: Final = 1_000
log: Final = structlog.get_logger(__name__)


class Claims(JobManager):
    """Procrastinate's calls to the database, with patience and a fence.

    The fence is the number of attempts: a rescue counts one, so a run that was taken over
    finds another number than its own and settles nothing.
    """

    connector: BaseAsyncConnector

    def __init__(self, connector: BaseAsyncConnector, *, known: Iterable[str]) -> None:
        """Begin with nothing claimed; `known` are the names that have a handler."""
        super().__init__(connector)
        self._known: Final = frozenset(known)
        self._worker_id: int | None = None
        self._held: Final[set[int]] = set()
        self._heard = 0
        #: Jobs that were announced and not claimed since, by us or, as we found out, by others.
        self._announced: Final[set[int]] = set()
        #: Whether the last look found the last job that was announced: there is no other.
        self._is_sated = False
        self._is_answer_lost = False

    @property
    def held(self) -> tuple[int, ...]:
        """Return the ids of the jobs that run here."""
        return tuple(sorted(self._held))

    async def register_worker(self) -> int:
        """Register this process and return its number; raises ConnectorException."""
        self._worker_id = await super().register_worker()
        return self._worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Strike this process off, under the number that it has by now."""
        await super().unregister_worker(self._worker_id or worker_id)
        self._worker_id = None

    async def beat(self) -> None:
        """Report that we live; register again where others took us for dead."""
        if self._worker_id is None:
            return
        if await self._read("beat", worker_id=self._worker_id):
            return
        [row] = await self._read("register_again", known=list(self._held))
        self._worker_id = row["id"]
        log.warning("worker_registered_again", worker=self._worker_id)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Claim the next due job, or return None: also while the database is away.

        Right after the last announced job nobody is asked: what was never announced, as a job
        whose time has come, is found by the next poll.
        """
        if self._is_sated and not self._announced:
            self._is_sated = False
            return None
        try:
            job = await self._claim(queues, self._worker_id or worker_id)
        except ConnectorException as trouble:
            # The claim may stand although we never heard of it.
            self._is_answer_lost = True
            _tell("job_fetch_failed", trouble)
            return None
        if job is None:
            self._announced.clear()
            return None
        assert job.id is not None
        self._held.add(job.id)
        self._is_sated = job.id in self._announced
        self._announced.discard(job.id)
        return job

    async def _claim(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        if self._is_answer_lost:
            await self._read("let_go", worker_id=worker_id, known=list(self._held))
            self._is_answer_lost = False
        while True:
            heard = self._heard
            job = await super().fetch_job(queues, worker_id)
            arguments: object = job.task_kwargs if job else {}
            if job is not None and not isinstance(arguments, dict):
                await self._quarantine(job, "its arguments are no object")
            # A job that arrived while we looked would wait for the next poll.
            elif job is not None or heard == self._heard:
                return job

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> NoReturn:
        """Listen until cancelled; without a connection polling goes on and we come back."""

        async def hear(*, channel: str, notification: Notification) -> None:
            if notification["type"] == "job_inserted":
                self.announce(notification["job_id"])
            await on_notification(channel=channel, notification=notification)

        failures = 0
        while True:
            try:
                await super().listen_for_jobs(on_notification=hear, queues=queues)
            except ConnectorException as trouble:
                failures += 1
                _tell("job_listen_failed", trouble)
            await asyncio.sleep(trouble_delay_s(failures))

    def announce(self, job_id: int) -> None:
        """Take that there is a job more. Too many are as good as unknown: all are asked for."""
        self._heard += 1
        if len(self._announced) < _ANNOUNCED_MAX:
            self._announced.add(job_id)

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001, ARG002 - Procrastinate's signature; pruning deletes
        """Settle the job's last run, however long the database is away."""
        if job.task_name not in self._known:
            await self._quarantine(job, "no handler has its name")
        else:
            await self._settle(job, "finish", status=status.value)

    async def retry_job(
        self,
        job: Job,
        retry_at: datetime | None = None,
        priority: int | None = None,  # noqa: ARG002 - Procrastinate's signature
        queue: str | None = None,  # noqa: ARG002 - the same
        lock: str | None = None,  # noqa: ARG002 - the same
    ) -> None:
        """Give the job back for a later run, by the database's clock; fail it where refused."""
        delay_s = max(0.0, (retry_at - utcnow()).total_seconds()) if retry_at else 0.0
        await self._settle(job, "run_again", delay_s=delay_s)

    async def _quarantine(self, job: Job, why: str) -> None:
        log.error("job_quarantined", job_id=job.id, job=job.task_name, why=why)
        await self._settle(job, "finish", status=Status.FAILED.value)

    async def _settle(self, job: Job, statement: str, **values: object) -> None:
        assert job.id is not None
        failures = 0
        while True:
            try:
                settled = await self._read(
                    statement, job_id=job.id, attempts=job.attempts, **values
                )
                break
            except UniqueViolation as refusal:
                log.error("job_again_refused", job_id=job.id, lock=refusal.queueing_lock)  # noqa: TRY400 - no trace is wanted
                statement, values = "finish", {"status": Status.FAILED.value}
            except ConnectorException as trouble:
                failures += 1
                _tell("job_unsettled", trouble, job_id=job.id)
                await asyncio.sleep(trouble_delay_s(failures))
        self._held.discard(job.id)
        if not settled:
            log.warning("job_taken_over", job_id=job.id, job=job.task_name)

    async def _read(self, name: str, **values: Any) -> list[dict[str, Any]]:
        return await self.connector.execute_query_all_async(STATEMENTS[name], **values)


def _tell(event: str, trouble: ConnectorException, **more: object) -> None:
    """Log an outage as a warning, and as an error what will not pass by itself."""
    cause = trouble.__cause__
    is_outage = isinstance(cause, psycopg.OperationalError)
    say = log.warning if is_outage else log.error
    say(event, trouble=f"{type(cause).__name__}: {cause}", **more)
