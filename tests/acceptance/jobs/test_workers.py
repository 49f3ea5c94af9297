"""Workers under load, killed, poisoned and told to stop: real processes, real PostgreSQL."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from tallystick import embedded, jobs


class TestGroups:
    def test_start_a_money_job_while_fifty_webhook_jobs_hang(self, workers: Any) -> None:
        workers.start("money", "webhooks", drain_s=0.5)
        for number in range(50):
            workers.enqueue("webhooks.slow", mark=f"hung{number}", ms=3_600_000)
        workers.until(lambda: len(workers.did("begun")) == 4, 5)
        before = time.monotonic()
        workers.enqueue("money.note", mark="urgent")
        workers.until(lambda: workers.did("note", "urgent"), 3)
        [ran] = workers.did("note", "urgent")
        assert ran["at"] - before < 0.5
        assert len(workers.did("begun")) == 4

    def test_run_no_more_at_once_than_they_may(self, workers: Any) -> None:
        workers.start("money", concurrency=2)
        ids = [workers.enqueue("money.slow", mark=str(number), ms=300) for number in range(4)]
        for job_id in ids:
            workers.settled(job_id, "succeeded", within_s=5)
        begun = sorted(one["at"] for one in workers.did("begun"))
        ended = sorted(one["at"] for one in workers.did("ended"))
        assert begun[2] >= ended[0]
        assert begun[3] >= ended[1]


class TestCommit:
    def test_is_what_makes_a_job(self, workers: Any, database: Any) -> None:
        workers.start("money")
        with database.connect() as conn:
            jobs.enqueue(conn, name="money.note", arguments={"mark": "undone"})
            conn.rollback()
            job_id = jobs.enqueue(conn, name="money.note", arguments={"mark": "done"})
            time.sleep(0.3)
            assert workers.did("note") == []
            conn.commit()
        workers.settled(job_id, "succeeded", within_s=3)
        assert [one["mark"] for one in workers.did("note")] == ["done"]


class TestFailure:
    def test_runs_again_until_its_attempts_are_spent(self, workers: Any) -> None:
        workers.start("money")
        job_id = workers.enqueue("money.fail", mark="never")
        assert workers.settled(job_id, "failed", within_s=10) == 3
        assert len(workers.did("fail")) == 3
        assert [line["run"] for line in workers.told("job_failed")] == [3]

    def test_that_gives_up_is_the_last(self, workers: Any) -> None:
        workers.start("money")
        job_id = workers.enqueue("money.give_up", mark="no")
        assert workers.settled(job_id, "failed", within_s=5) == 1

    def test_by_a_lost_iterator_is_no_hang(self, workers: Any) -> None:
        workers.start("money", concurrency=1)
        job_id = workers.enqueue("money.stop_iteration", mark="odd")
        assert workers.settled(job_id, "failed", within_s=10) == 3

    def test_of_nobody_s_job_is_quarantined_and_jams_nothing(
        self, workers: Any, database: Any
    ) -> None:
        workers.start("money", concurrency=1)
        with database.connect() as conn:
            row = conn.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
                " VALUES ('money', 'money.note', '[]') RETURNING id"
            ).fetchone()
        unknown = workers.enqueue("money.from_the_future", mark="x")
        known = workers.enqueue("money.note", mark="y")
        workers.settled(known, "succeeded", within_s=5)
        assert workers.settled(unknown, "failed", within_s=5) == 1
        assert workers.settled(row[0], "failed", within_s=5) == 1
        assert len(workers.told("job_quarantined")) == 2


class TestKill:
    def test_of_a_child_respawns_it_and_runs_its_job_again(
        self, workers: Any, is_alive: Callable[[int], bool]
    ) -> None:
        workers.start("money")
        job_id = workers.enqueue("money.slow", mark="long", ms=1200)
        workers.until(lambda: workers.did("begun"), 5)
        [first] = workers.did("begun")
        os.kill(first["pid"], signal.SIGKILL)
        killed_at = time.monotonic()
        workers.until(lambda: len(workers.told("worker_started")) == 2, 1)
        workers.until(lambda: len(workers.did("begun")) == 2, 8)
        second = workers.did("begun")[1]
        assert second["at"] - killed_at < 1.5 + 5
        assert second["pid"] != first["pid"]
        assert workers.settled(job_id, "succeeded", within_s=10) == 2

    def test_leaves_the_other_groups_alone(self, workers: Any) -> None:
        workers.start("money", "webhooks")
        workers.enqueue("webhooks.slow", mark="victim", ms=60_000)
        job_id = workers.enqueue("money.slow", mark="bystander", ms=1000)
        workers.until(lambda: len(workers.did("begun")) == 2, 5)
        [victim] = workers.did("begun", "victim")
        os.kill(victim["pid"], signal.SIGKILL)
        assert workers.settled(job_id, "succeeded", within_s=5) == 1

    def test_by_a_poison_job_ends_with_its_attempts_and_others_go_on(self, workers: Any) -> None:
        workers.start("money", stalled_after_s=1)
        poison = workers.enqueue("money.crash", mark="poison")
        others = [workers.enqueue("money.note", mark=str(number)) for number in range(5)]
        assert workers.settled(poison, "failed", within_s=30) == 3
        assert len(workers.did("crash")) == 3
        # It is told once that is committed.
        workers.until(lambda: len(workers.told("job_poisoned")) == 1, 5)
        for job_id in others:
            workers.settled(job_id, "succeeded", within_s=10)

    def test_of_the_parent_takes_the_children_along(
        self, workers: Any, is_alive: Callable[[int], bool]
    ) -> None:
        parent = workers.start("money", "webhooks", "upkeep")
        workers.enqueue("money.slow", mark="busy", ms=60_000)
        workers.until(lambda: workers.did("begun"), 5)
        children = [line["pid"] for line in workers.told("worker_ready")]
        assert all(is_alive(pid) for pid in children)
        parent.kill()
        workers.until(lambda: not any(is_alive(pid) for pid in children), 2)


class TestStop:
    def test_lets_a_running_job_finish_and_claims_no_more(self, workers: Any) -> None:
        parent = workers.start("money", concurrency=1, stalled_after_s=1, drain_s=5)
        running = workers.enqueue("money.slow", mark="running", ms=2600)
        waiting = workers.enqueue("money.note", mark="waiting")
        workers.until(lambda: workers.did("begun"), 5)
        # Another worker, which must not take a draining one for dead.
        workers.start("webhooks", stalled_after_s=1)
        parent.send_signal(signal.SIGTERM)
        assert parent.wait(5) == 0
        assert workers.job(running) == ("succeeded", 1)
        assert workers.job(waiting) == ("todo", 0)
        assert len(workers.did("begun")) == 1

    def test_leaves_a_hung_job_to_rescue(self, workers: Any) -> None:
        parent = workers.start("money", drain_s=0.5)
        job_id = workers.enqueue("money.slow", mark="hung", ms=8000)
        workers.until(lambda: workers.did("begun"), 5)
        parent.send_signal(signal.SIGTERM)
        workers.until(lambda: parent.poll() is not None, 2.5)
        assert workers.job(job_id) == ("doing", 0)
        assert workers.told("jobs_left_to_rescue")[0]["jobs"] == [job_id]
        workers.start("money", drain_s=0.5)
        workers.until(lambda: len(workers.did("begun")) == 2, 8)

    def test_asked_for_twice_does_not_wait(self, workers: Any) -> None:
        parent = workers.start("money", "webhooks", drain_s=30)
        workers.enqueue("money.slow", mark="hung", ms=60_000)
        workers.until(lambda: workers.did("begun"), 5)
        parent.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert parent.poll() is None
        parent.send_signal(signal.SIGINT)
        workers.until(lambda: parent.poll() is not None, 2)


class TestClock:
    def test_enqueues_once_a_second_for_the_whole_fleet(self, workers: Any) -> None:
        workers.start("upkeep")
        workers.start("upkeep")
        time.sleep(4.5)
        at = [one["at"] for one in workers.did("tick")]
        # Jobs of the first seconds may start late, so a few more may fall into the span; two
        # workers that each enqueued would make twice as many.
        assert 3 <= len(at) <= at[-1] - at[0] + 3


class TestDrain:
    def test_is_woken_by_a_notification(self, workers: Any, database: Any) -> None:
        _make_inbox(database)
        workers.start("webhooks", has_drain=True)
        time.sleep(0.5)
        took = []
        for number in range(3):
            with database.connect() as conn:
                conn.execute("INSERT INTO test_inbox VALUES (%s)", (f"told{number}",))
                conn.execute("NOTIFY test_inbox")
            committed_at = time.monotonic()
            workers.until(lambda mark=f"told{number}": workers.did("drained", mark), 3)
            took.append(workers.did("drained", f"told{number}")[0]["at"] - committed_at)
        assert max(took) < 0.3

    def test_finds_by_polling_what_no_notification_told(self, workers: Any, database: Any) -> None:
        _make_inbox(database)
        workers.start("webhooks", has_drain=True)
        with database.connect() as conn:
            conn.execute("INSERT INTO test_inbox SELECT generate_series(1, 20)::text")
        assert workers.until(lambda: len(workers.did("drained")) == 20, 3) < 2


class TestOutage:
    def test_is_healed_when_every_connection_is_cut(self, workers: Any, database: Any) -> None:
        _make_inbox(database)
        workers.start("money", "webhooks", has_drain=True)
        job_id = workers.enqueue("money.slow", mark="through", ms=1500)
        workers.until(lambda: workers.did("begun"), 5)
        _cut(database)
        later = workers.enqueue("money.note", mark="later")
        workers.settled(later, "succeeded", within_s=5)
        assert workers.settled(job_id, "succeeded", within_s=5) == 1
        with database.connect() as conn:
            conn.execute("INSERT INTO test_inbox VALUES ('after')")
        workers.until(lambda: workers.did("drained", "after"), 5)
        assert not workers.told("worker_died")

    @pytest.mark.full
    def test_of_the_server_is_survived(
        self, workers_on: Callable[[str], Any], tmp_path: Path
    ) -> None:
        data = tmp_path / "data"
        with embedded.postgres(data, durable=True) as server:
            with psycopg.connect(server.owner_url, autocommit=True) as owner:
                owner.execute(SchemaManager.get_schema())
                owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")
                owner.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
            workers = workers_on(server.application_url)
            workers.start("money")
            # This one ends while there is no database.
            job_id = workers.enqueue("money.slow", mark="through", ms=700)
            workers.until(lambda: workers.did("begun"), 5)
        workers.until(lambda: workers.told("job_unsettled"), 15)
        # And this worker comes up without one.
        workers.start("webhooks")
        with embedded.postgres(data, durable=True) as server:
            assert workers.url == server.application_url
            assert workers.settled(job_id, "succeeded", within_s=10) == 1
            after = workers.enqueue("money.note", mark="after")
            workers.settled(after, "succeeded", within_s=5)
            late = workers.enqueue("webhooks.note", mark="late")
            workers.settled(late, "succeeded", within_s=10)
            assert len(workers.did("begun")) == 1
            assert not workers.told("worker_died")
            workers.stop()


def _make_inbox(database: Any) -> None:
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("CREATE TABLE public.test_inbox (mark text PRIMARY KEY)")
        owner.execute("GRANT ALL ON public.test_inbox TO PUBLIC")


def _cut(database: Any) -> None:
    """End every session of the application, as the application: an owner may not."""
    with psycopg.connect(database.application_url) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND usename = current_user"
            " AND pid != pg_backend_pid()"
        )
