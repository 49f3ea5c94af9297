"""What health and alarms ask of the queues."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tallystick.jobs import JobNotFound, queries
from tallystick.jobs.model import Depth


class TestDepths:
    def test_tell_due_later_and_running_apart(self, queue: Any, conn: psycopg.Connection) -> None:
        for _ in range(3):
            queue.add()
        queue.claim(queue.worker())
        queue.add(delay_s=60)
        found = queries.depths(conn)
        assert found["mail"] == Depth(due=2, later=1, running=1)
        assert found["money"] == Depth(due=0, later=0, running=0)


class TestOldestAge:
    def test_counts_from_when_a_job_was_due(self, queue: Any, conn: psycopg.Connection) -> None:
        waiting, retried = queue.add(), queue.add(queue="money", name="payments.submit")
        queue.add(delay_s=60, queue="webhooks", name="webhooks.replay")
        conn.execute(
            "UPDATE procrastinate_events SET at = now() - interval '300 s' WHERE job_id = ANY(%s)",
            ([waiting, retried],),
        )
        conn.execute(
            "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '20 s' WHERE id = %s",
            (retried,),
        )
        found = queries.oldest_age_s(conn)
        assert 299 < found["mail"] < 330
        assert 19 < found["money"] < 50
        assert found["webhooks"] == 0
        assert found["notices"] == 0


class TestWorkersAlive:
    def test_counts_who_reported_lately(self, queue: Any, conn: psycopg.Connection) -> None:
        for silent_s in (0, 5, 60):
            queue.worker(silent_s=silent_s)
        assert queries.workers_alive(conn, within_s=30) == 2


class TestFailed:
    def test_counts_by_name(self, queue: Any, conn: psycopg.Connection) -> None:
        queue.add(), queue.add(name="mail.of_the_future"), queue.add()
        conn.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        assert queries.failed(conn) == {"mail.send": 2, "mail.of_the_future": 1}


class TestJob:
    @pytest.mark.parametrize(
        ("status", "state", "is_over"),
        [
            ("todo", "queued", False),
            ("doing", "running", False),
            ("succeeded", "succeeded", True),
            ("failed", "failed", True),
            ("cancelled", "cancelled", True),
            ("aborted", "cancelled", True),
        ],
    )
    def test_tells_where_it_stands(
        self, queue: Any, conn: psycopg.Connection, status: str, state: str, is_over: bool
    ) -> None:
        number = queue.add()
        conn.execute(
            "UPDATE procrastinate_jobs SET status = %s, attempts = 2 WHERE id = %s",
            (status, number),
        )
        conn.execute(
            "INSERT INTO procrastinate_events (job_id, type, at) VALUES (%s, 'failed', now())",
            (number,),
        )
        found = queries.job(conn, job_id=number)
        assert (found.state, found.attempts, found.name) == (state, 2, "mail.send")
        assert (found.finished_at is not None) is is_over

    @pytest.mark.parametrize("number", [0, -1, 2**63 - 1, 2**63, 2**200])
    def test_that_is_not_there_is_refused(self, conn: psycopg.Connection, number: int) -> None:
        with pytest.raises(JobNotFound):
            queries.job(conn, job_id=number)
