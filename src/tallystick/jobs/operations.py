"""Verbs that write jobs: enqueue in the deed's transaction; rescue, prune, enqueue by the clock.

Nothing here commits. The last three are for `jobs.worker`, each safe to run in many processes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import psycopg

from tallystick.db import Connection
from tallystick.jobs import store
from tallystick.jobs.errors import QueueUnknown
from tallystick.jobs.model import QUEUES, Periodic, Registry, Rescued
from tallystick.jobs.rules import after_crash, arguments_text, backoff_s, check

__all__ = ["enqueue", "enqueue_periodics", "is_only_one", "prune", "rescue"]

_BATCH: Final = 1000
_RESCUED_MAX: Final = 100
#: Seconds that finished jobs are kept: a week, those that did not succeed a month.
_KEEP_S: Final = (
    (("succeeded",), 7 * 24 * 3600),
    (("failed", "cancelled", "aborted"), 30 * 24 * 3600),
)


def enqueue(
    conn: Connection,
    *,
    name: str,
    arguments: Mapping[str, str | int],
    queue: str = "money",
    delay_s: float = 0,
    priority: int = 0,
) -> int:
    """Enqueue a job in the caller's transaction and return its id; it runs after the commit.

    It is due in `delay_s` seconds of the raw database clock. Higher `priority` goes first.
    Raises ArgumentsRefused, QueueUnknown and JobRefused, before anything is written.
    """
    check(name=name, delay_s=delay_s, priority=priority)
    if queue not in QUEUES:
        raise QueueUnknown(f"There is no queue {queue[:40]!r}: choose one of {', '.join(QUEUES)}.")
    [(identity,)] = store.read(
        conn,
        "enqueue",
        name=name,
        arguments=arguments_text(arguments),
        queue=queue,
        delay_s=delay_s,
        priority=priority,
    )
    return int(identity)


def is_only_one(conn: psycopg.Connection) -> bool:
    """Return whether this transaction does the rounds; another process does them otherwise."""
    [(is_ours,)] = store.read(conn, "only_one")
    return bool(is_ours)


def rescue(
    conn: psycopg.Connection,
    *,
    registry: Registry,
    attempts_max: int,
    stalled_after_s: float,
    draw: Callable[[], float],
) -> Rescued:
    """Give jobs whose process died another run, or fail those that had all theirs.

    The crashed run counts. `attempts_max` is for names that no handler has; `draw` gives
    numbers from 0 up to 1. Takes 100 jobs at most; rows that others hold are left to them.
    """
    again: list[int] = []
    poisoned: list[int] = []
    for job_id, name, attempts in store.read(
        conn, "stalled", silent_s=stalled_after_s, most=_RESCUED_MAX
    ):
        handler = registry.get(name) if name in registry else None
        delay_s = after_crash(
            runs=attempts + 1,
            attempts_max=handler.attempts_max if handler else attempts_max,
            backoff=handler.backoff if handler else backoff_s,
            stalled_after_s=stalled_after_s,
            spread=draw(),
        )
        is_again = _give_back(conn, job_id, attempts, delay_s)
        (again if is_again else poisoned).append(job_id)
    return Rescued(tuple(again), tuple(poisoned))


def _give_back(conn: psycopg.Connection, job_id: int, attempts: int, delay_s: float | None) -> bool:
    """Return whether the job runs again: not past its last run, nor where a lock refuses it."""
    if delay_s is not None:
        try:
            with conn.transaction():
                store.read(conn, "run_again", job_id=job_id, attempts=attempts, delay_s=delay_s)
        except psycopg.errors.UniqueViolation:
            # Another job waits under the same queueing lock: this one would stay `doing`.
            pass
        else:
            return True
    store.read(conn, "finish", job_id=job_id, attempts=attempts, status="failed")
    return False


def prune(conn: psycopg.Connection, *, silent_s: float) -> int:
    """Delete up to 1,000 finished jobs a kind past their time, and workers silent for `silent_s`.

    Returns how many jobs went.
    """
    gone = sum(
        len(store.read(conn, "prune_jobs", states=list(states), keep_s=keep_s, most=_BATCH))
        for states, keep_s in _KEEP_S
    )
    store.read(conn, "prune_workers", silent_s=silent_s)
    return gone


def enqueue_periodics(conn: psycopg.Connection, *, registry: Registry) -> tuple[Periodic, ...]:
    """Enqueue what the clock asks for and return it; each slot once for the whole fleet."""
    enqueued = []
    for periodic in registry.periodics:
        queue = registry.get(periodic.name).queue
        rows = store.read(
            conn, "enqueue_periodic", queue=queue, name=periodic.name, every_s=periodic.every_s
        )
        if rows and rows[0][0] is not None:
            enqueued.append(periodic)
    return tuple(enqueued)
