"""What the queues look like: for health, alarms and the operators' page. Reads only."""

from __future__ import annotations

from tallystick.db import Connection
from tallystick.jobs import store
from tallystick.jobs.model import QUEUES, Depth

__all__ = ["depths", "failed", "oldest_age_s", "workers_alive"]


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
