"""What the queues look like: for health, alarms and the operators' page. Reads only."""

from __future__ import annotations

from typing import Final

from tallystick.db import Connection
from tallystick.jobs import store
from tallystick.jobs.errors import JobNotFound
from tallystick.jobs.model import QUEUES, Depth, Job, JobState

__all__ = ["depths", "failed", "job", "oldest_age_s", "workers_alive"]

_BIGINT_MAX: Final = 2**63 - 1
_STATES: Final = {
    "todo": JobState.QUEUED,
    "doing": JobState.RUNNING,
    "aborting": JobState.RUNNING,
    "succeeded": JobState.SUCCEEDED,
    "failed": JobState.FAILED,
    "cancelled": JobState.CANCELLED,
    "aborted": JobState.CANCELLED,
}


def depths(conn: Connection) -> dict[str, Depth]:
    """Return how much work each queue holds; every known queue is named, also an empty one."""
    found = {queue: Depth(0, 0, 0) for queue in QUEUES}
    for queue, due, later, running in store.read(conn, "depths"):
        found[queue] = Depth(due, later, running)
    return found


def oldest_age_s(conn: Connection) -> dict[str, float]:
    """Return for how many seconds the oldest due job of each queue has been due, 0 for none."""
    found = dict.fromkeys(QUEUES, 0.0)
    for queue, age_s in store.read(conn, "oldest_age_s"):
        found[queue] = max(age_s, 0.0)
    return found


def workers_alive(conn: Connection, *, within_s: float) -> int:
    """Return how many worker processes have reported within so many seconds."""
    [(count,)] = store.read(conn, "workers_alive", within_s=within_s)
    return int(count)


def failed(conn: Connection) -> dict[str, int]:
    """Return how many jobs have failed for good, by name, as long as they are kept.

    A name that no handler has is that of quarantined jobs.
    """
    return {name: int(count) for name, count in store.read(conn, "failed")}


def job(conn: Connection, *, job_id: int) -> Job:
    """Return a job as it stands; raise JobNotFound. Nothing of its arguments comes out."""
    found = store.read(conn, "by_id", id=job_id) if 0 < job_id <= _BIGINT_MAX else []
    if not found:
        raise JobNotFound("There is no such job, or it ended long ago.")
    [(identity, name, queue, status, attempts, created_at, finished_at)] = found
    state = _STATES[status]
    is_over = state not in {JobState.QUEUED, JobState.RUNNING}
    return Job(identity, name, queue, state, attempts, created_at, finished_at if is_over else None)
