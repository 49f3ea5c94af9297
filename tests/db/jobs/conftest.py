"""Jobs and workers as rows, set to any state by SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from tallystick import jobs


@dataclass
class Queue:
    """A short hand for the queue's tables."""

    conn: psycopg.Connection

    def add(self, name: str = "mail.send", queue: str = "mail", **other: Any) -> int:
        """Enqueue a job and return its id."""
        arguments = {"message_id": "msg_1"}
        return jobs.enqueue(self.conn, name=name, arguments=arguments, queue=queue, **other)

    def worker(self, *, silent_s: float = 0) -> int:
        """Register a worker that last reported so long ago and return its number."""
        return self._scalar(
            "INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (clock_timestamp() - make_interval(secs => %s)) RETURNING id",
            silent_s,
        )

    def claim(self, worker_id: int, queue: str = "mail") -> int:
        """Claim the next job for a worker, due or not, and return its id."""
        # Procrastinate asks now(), which stands still in a transaction.
        self.conn.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")
        return self._scalar("SELECT id FROM procrastinate_fetch_job_v2(%s, %s)", [queue], worker_id)

    def row(self, job_id: int) -> tuple[str, int]:
        """Return a job's status and attempts."""
        row = self.conn.execute(
            "SELECT status::text, attempts FROM procrastinate_jobs WHERE id = %s", (job_id,)
        ).fetchone()
        assert row is not None
        return row[0], row[1]

    def _scalar(self, statement: str, *values: object) -> int:
        row = self.conn.execute(statement, values).fetchone()
        assert row is not None
        assert row[0] is not None
        return int(row[0])


@pytest.fixture
def queue_on() -> Callable[[psycopg.Connection], Queue]:
    return Queue


@pytest.fixture
def queue(conn: psycopg.Connection) -> Queue:
    return Queue(conn)


@pytest.fixture
def registry() -> jobs.Registry:
    registry = jobs.Registry()
    registry.add(jobs.Handler("mail.send", queue="mail", run=print, attempts_max=3))
    registry.add(jobs.Handler("upkeep.tick", queue="upkeep", run=print))
    registry.add_periodic(jobs.Periodic("upkeep.tick", every_s=3600))
    return registry
