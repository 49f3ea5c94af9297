"""Rescue, pruning and the clock's jobs, each safe to run in several processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from tallystick import jobs
from tallystick.jobs import operations


def rescue(conn: psycopg.Connection, registry: jobs.Registry) -> Any:
    return operations.rescue(
        conn, registry=registry, attempts_max=2, stalled_after_s=10, draw=lambda: 0.0
    )


class TestRescue:
    def test_leaves_a_job_to_a_worker_that_reports(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        job_id = queue.add()
        queue.claim(queue.worker(silent_s=5))
        assert rescue(conn, registry).again == ()
        assert queue.row(job_id) == ("doing", 0)

    def test_gives_a_silent_worker_s_job_another_run_and_counts_the_crash(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        job_id = queue.add()
        queue.claim(queue.worker(silent_s=11))
        assert rescue(conn, registry).again == (job_id,)
        assert queue.row(job_id) == ("todo", 1)
        assert queue.claim(queue.worker()) == job_id

    def test_finds_a_job_whose_worker_was_struck_off(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        job_id = queue.add()
        worker = queue.worker()
        queue.claim(worker)
        conn.execute("DELETE FROM procrastinate_workers WHERE id = %s", (worker,))
        assert rescue(conn, registry).again == (job_id,)

    def test_fails_a_poisoned_job_for_good(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        job_id = queue.add()
        for attempts in (1, 2):
            queue.claim(queue.worker(silent_s=11))
            assert rescue(conn, registry).again == (job_id,)
            assert queue.row(job_id) == ("todo", attempts)
        queue.claim(queue.worker(silent_s=11))
        assert rescue(conn, registry).poisoned == (job_id,)
        assert queue.row(job_id) == ("failed", 3)

    def test_bounds_the_runs_of_a_job_that_nobody_knows(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        job_id = queue.add(name="mail.of_the_future")
        queue.claim(queue.worker(silent_s=11))
        assert rescue(conn, registry).again == (job_id,)
        queue.claim(queue.worker(silent_s=11))
        assert rescue(conn, registry).poisoned == (job_id,)

    def test_fails_a_job_that_a_lock_keeps_from_another_run(
        self, queue: Any, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        lock = "UPDATE procrastinate_jobs SET queueing_lock = 'one' WHERE id = %s"
        running = queue.add()
        conn.execute(lock, (running,))
        queue.claim(queue.worker(silent_s=11))
        waiting = queue.add()
        conn.execute(lock, (waiting,))
        assert rescue(conn, registry).poisoned == (running,)
        assert queue.row(running) == ("failed", 1)
        assert queue.row(waiting) == ("todo", 0)

    def test_by_two_at_once_takes_each_job_once(
        self,
        database: Any,
        registry: jobs.Registry,
        queue_on: Callable[[psycopg.Connection], Any],
    ) -> None:
        with database.connect() as first, database.connect() as second:
            queue = queue_on(first)
            ids = [queue.add(), queue.add()]
            dead = queue.worker(silent_s=60)
            assert [queue.claim(dead), queue.claim(dead)] == ids
            first.commit()
            assert rescue(first, registry).again == tuple(ids)
            assert rescue(second, registry).again == ()
            first.commit()
            assert rescue(second, registry).again == ()
            assert [queue.row(job_id) for job_id in ids] == [("todo", 1), ("todo", 1)]

    def test_that_is_killed_leaves_the_job_to_the_next(
        self,
        database: Any,
        registry: jobs.Registry,
        queue_on: Callable[[psycopg.Connection], Any],
    ) -> None:
        with database.connect() as first:
            queue = queue_on(first)
            job_id = queue.add()
            queue.claim(queue.worker(silent_s=60))
            first.commit()
            assert rescue(first, registry).again == (job_id,)
            first.close()
        with database.connect() as second:
            assert rescue(second, registry).again == (job_id,)


class TestRounds:
    def test_are_done_by_one_process_of_the_fleet(self, database: Any) -> None:
        with database.connect() as first, database.connect() as second:
            assert operations.is_only_one(first)
            assert not operations.is_only_one(second)
            first.rollback()
            assert operations.is_only_one(second)


class TestPrune:
    def test_deletes_old_finished_jobs_and_no_others(
        self, queue: Any, conn: psycopg.Connection
    ) -> None:
        found = {}
        for status, age in (
            ("succeeded", "8 days"),
            ("succeeded", "6 days"),
            ("failed", "8 days"),
            ("failed", "31 days"),
            ("cancelled", "31 days"),
            ("todo", "99 days"),
        ):
            job_id = found[status, age] = queue.add()
            conn.execute(
                "UPDATE procrastinate_jobs SET status = %s WHERE id = %s", (status, job_id)
            )
            conn.execute(
                "UPDATE procrastinate_events SET at = now() - %s::interval WHERE job_id = %s",
                (age, job_id),
            )
        assert operations.prune(conn, silent_s=60) == 3
        left = conn.execute("SELECT id FROM procrastinate_jobs ORDER BY id").fetchall()
        kept = (("succeeded", "6 days"), ("failed", "8 days"), ("todo", "99 days"))
        assert [row[0] for row in left] == [found[one] for one in kept]

    def test_strikes_off_dead_workers_that_have_no_job_left(
        self, queue: Any, conn: psycopg.Connection
    ) -> None:
        living, dead, holding = (
            queue.worker(),
            queue.worker(silent_s=99),
            queue.worker(silent_s=99),
        )
        queue.add()
        queue.claim(holding)
        operations.prune(conn, silent_s=60)
        left = conn.execute("SELECT id FROM procrastinate_workers ORDER BY id").fetchall()
        assert [row[0] for row in left] == [living, holding]
        assert dead not in {row[0] for row in left}


class TestPeriodics:
    def test_are_enqueued_once_a_slot(
        self, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        assert len(operations.enqueue_periodics(conn, registry=registry)) == 1
        conn.execute("UPDATE procrastinate_jobs SET status = 'succeeded'")
        assert operations.enqueue_periodics(conn, registry=registry) == ()

    def test_are_left_out_while_the_one_before_waits(
        self, conn: psycopg.Connection, registry: jobs.Registry
    ) -> None:
        jobs.enqueue(conn, name="upkeep.tick", arguments={}, queue="upkeep")
        assert operations.enqueue_periodics(conn, registry=registry) == ()
