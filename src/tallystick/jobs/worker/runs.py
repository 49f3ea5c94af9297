"""One run of a job: in a thread of the group's own, with its outcome decided by `jobs.rules`.

A hung thread cannot be ended; it costs its group one place, and other groups nothing.
"""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Final

import structlog
from procrastinate import App, BaseRetryStrategy, JobContext, RetryDecision
from procrastinate.jobs import Job

from tallystick import clock
from tallystick.jobs.errors import GiveUp
from tallystick.jobs.model import Handler, Registry
from tallystick.jobs.rules import after_failure

__all__ = ["add_tasks"]

log: Final = structlog.get_logger(__name__)


class _Failed(Exception):
    """A run failed; after `delay_s` seconds there is another, or none where that is None."""

    def __init__(self, delay_s: float | None) -> None:
        super().__init__(delay_s)
        self.delay_s = delay_s


class _Verdict(BaseRetryStrategy):
    """Tells Procrastinate what was decided."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - Procrastinate's signature
        if not isinstance(exception, _Failed) or exception.delay_s is None:
            return None
        return RetryDecision(retry_in={"microseconds": round(exception.delay_s * 1_000_000)})


def add_tasks(app: App, registry: Registry, executor: Executor) -> None:
    """Give Procrastinate a task for each handler; they run in `executor` and nowhere else."""
    for handler in registry:
        make = app.task(name=handler.name, queue=handler.queue, retry=_Verdict(), pass_context=True)
        make(_task(handler, executor))


def _task(handler: Handler, executor: Executor) -> Callable[..., Awaitable[None]]:
    async def run(context: JobContext, /, **arguments: str | int) -> None:
        job = context.job
        runs = job.attempts + 1
        structlog.contextvars.bind_contextvars(job=handler.name, job_id=job.id, run=runs)
        begun = clock.start()
        trouble = await _run_in(executor, handler, arguments)
        took_s = round(clock.elapsed_since(begun), 3)
        if trouble is None:
            log.info("job_done", took_s=took_s)
            return
        delay_s = _decide(handler, runs, trouble)
        if delay_s is None:
            log.error("job_failed", took_s=took_s, exc_info=trouble)
        else:
            log.warning("job_run_failed", took_s=took_s, again_in_s=delay_s, exc_info=trouble)
        raise _Failed(delay_s) from trouble

    return run


async def _run_in(
    executor: Executor, handler: Handler, arguments: dict[str, str | int]
) -> BaseException | None:
    """Run the handler in a thread and return what it raised.

    Returned, not raised: a StopIteration through a future would never arrive, a SystemExit
    would end the loop.
    """

    def call() -> BaseException | None:
        try:
            handler.run(**arguments)
        except BaseException as trouble:  # noqa: BLE001 - whatever it is, it is this run's outcome
            return trouble
        return None

    here = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(executor, here.run, call)


def _decide(handler: Handler, runs: int, trouble: BaseException) -> float | None:
    if isinstance(trouble, GiveUp):
        return None
    return after_failure(
        runs=runs,
        attempts_max=handler.attempts_max,
        backoff=handler.backoff,
        spread=random.random(),  # noqa: S311 - spreads load, guards nothing
    )
