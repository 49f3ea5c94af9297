"""A process's claims while answers get lost, rows are pruned and jobs are taken over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from procrastinate import PsycopgConnector
from procrastinate.jobs import Status
from procrastinate.utils import utcnow

from tallystick.jobs.worker.claims import Claims

Story = Callable[[Claims, Any], Awaitable[None]]


@pytest.fixture
def play(database: Any, queue_on: Callable[[psycopg.Connection], Any]) -> Callable[[Story], None]:
    """Play a story of a registered worker's claims beside a connection that commits at once."""

    async def open_and_play(story: Story) -> None:
        connector = PsycopgConnector(conninfo=database.application_url, min_size=1, max_size=2)
        await connector.open_async()
        claims = Claims(connector, known=["mail.send"])
        try:
            with psycopg.connect(database.application_url, autocommit=True) as conn:
                await claims.register_worker()
                await story(claims, queue_on(conn))
        finally:
            await connector.close_async()

    return lambda story: asyncio.run(open_and_play(story))


class TestFetch:
    def test_claims_and_settles_once(self, play: Callable[[Story], None]) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            job_id = queue.add()
            job = await claims.fetch_job(["mail"], 0)
            assert job is not None
            assert claims.held == (job_id,)
            await claims.finish_job(job, Status.SUCCEEDED, delete_job=False)
            assert claims.held == ()
            assert queue.row(job_id) == ("succeeded", 1)

        play(story)

    def test_whose_answer_was_lost_gives_the_job_back_unrun(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            first, second = queue.add(), queue.add()
            held = await claims.fetch_job(["mail"], 0)
            assert held is not None
            # What the database does and we never hear of.
            queue.claim(claims._worker_id)
            assert queue.row(second) == ("doing", 0)
            # A tuple is no array: the statement fails, as on a broken connection.
            assert await claims.fetch_job(("mail",), 0) is None
            again = await claims.fetch_job(["mail"], 0)
            assert again is not None
            assert (again.id, again.attempts) == (second, 0)
            assert queue.row(first) == ("doing", 0)

        play(story)


class TestAnnounced:
    def test_and_found_asks_for_no_second_job_until_the_next_poll(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            first, silent = queue.add(), queue.add()
            claims.announce(first)
            found = [await claims.fetch_job(["mail"], 0) for _ in range(4)]
            assert [job and job.id for job in found] == [first, None, silent, None]

        play(story)

    @pytest.mark.parametrize("announced", [(), (1,), (0, 1), (0, 1, 2)])
    def test_but_not_the_one_that_was_found_asks_on(
        self, play: Callable[[Story], None], announced: tuple[int, ...]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            waiting = [queue.add(), queue.add()]
            for which in announced:
                claims.announce([*waiting, 1_000_000][which])
            found = [await claims.fetch_job(["mail"], 0) for _ in range(3)]
            assert [job and job.id for job in found] == [*waiting, None]

        play(story)

    def test_and_taken_by_another_is_forgotten(self, play: Callable[[Story], None]) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            for elsewhere in range(1_000_000, 1_002_000):
                claims.announce(elsewhere)
            assert await claims.fetch_job(["mail"], 0) is None
            last = queue.add()
            claims.announce(last)
            found = [await claims.fetch_job(["mail"], 0) for _ in range(2)]
            assert [job and job.id for job in found] == [last, None]

        play(story)


class TestBeat:
    def test_registers_again_and_keeps_its_jobs_where_its_row_was_pruned(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            job_id = queue.add()
            job = await claims.fetch_job(["mail"], 0)
            assert job is not None
            before = claims._worker_id
            queue.conn.execute("DELETE FROM procrastinate_workers")
            await claims.beat()
            assert claims._worker_id != before
            row = queue.conn.execute(
                "SELECT worker_id FROM procrastinate_jobs WHERE id = %s", (job_id,)
            ).fetchone()
            assert row == (claims._worker_id,)
            await claims.unregister_worker(0)
            assert queue.conn.execute("SELECT id FROM procrastinate_workers").fetchall() == []

        play(story)


class TestSettle:
    def test_moves_nothing_for_a_run_that_was_taken_over(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            job_id = queue.add()
            job = await claims.fetch_job(["mail"], 0)
            assert job is not None
            queue.conn.execute("UPDATE procrastinate_jobs SET attempts = 1")
            await claims.finish_job(job, Status.FAILED, delete_job=False)
            assert queue.row(job_id) == ("doing", 1)
            await claims.retry_job(job)
            assert queue.row(job_id) == ("doing", 1)

        play(story)

    def test_gives_a_job_back_by_the_clock_of_the_database(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            job_id = queue.add()
            job = await claims.fetch_job(["mail"], 0)
            assert job is not None
            await claims.retry_job(job, retry_at=utcnow() + timedelta(seconds=30))
            assert queue.row(job_id) == ("todo", 1)
            row = queue.conn.execute(
                "SELECT extract(EPOCH FROM scheduled_at - clock_timestamp())"
                " FROM procrastinate_jobs"
            ).fetchone()
            assert 25 < row[0] <= 30

        play(story)

    def test_fails_a_job_whose_other_run_a_lock_refuses(
        self, play: Callable[[Story], None]
    ) -> None:
        async def story(claims: Claims, queue: Any) -> None:
            lock = "UPDATE procrastinate_jobs SET queueing_lock = 'one' WHERE id = %s"
            running = queue.add()
            queue.conn.execute(lock, (running,))
            job = await claims.fetch_job(["mail"], 0)
            assert job is not None
            queue.conn.execute(lock, (queue.add(),))
            await claims.retry_job(job)
            assert queue.row(running) == ("failed", 1)
            assert claims.held == ()

        play(story)
