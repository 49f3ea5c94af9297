"""A job is a row of the caller's transaction."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tallystick import jobs


class TestEnqueue:
    def test_leaves_nothing_after_a_rollback_and_one_after_a_commit(self, database: Any) -> None:
        count = "SELECT count(*) FROM procrastinate_jobs"
        with database.connect() as conn:
            jobs.enqueue(conn, name="payments.submit", arguments={"payment_id": "pay_1"})
            conn.rollback()
            assert database.scalar(count) == 0
            jobs.enqueue(conn, name="payments.submit", arguments={"payment_id": "pay_1"})
            assert database.scalar(count) == 0
            conn.commit()
        assert database.scalar(count) == 1

    def test_keeps_what_was_asked(self, conn: psycopg.Connection) -> None:
        job_id = jobs.enqueue(
            conn, name="mail.send", arguments={"message_id": "m1"}, queue="mail", priority=7
        )
        row = conn.execute(
            "SELECT queue_name, task_name, priority, args, scheduled_at, lock, queueing_lock"
            " FROM procrastinate_jobs WHERE id = %s",
            (job_id,),
        ).fetchone()
        assert row == ("mail", "mail.send", 7, {"message_id": "m1"}, None, None, None)

    def test_delays_by_the_raw_clock_of_the_database(self, conn: psycopg.Connection) -> None:
        job_id = jobs.enqueue(conn, name="payments.submit", arguments={}, delay_s=90.5)
        row = conn.execute(
            "SELECT extract(EPOCH FROM scheduled_at - clock_timestamp()) FROM procrastinate_jobs"
            " WHERE id = %s",
            (job_id,),
        ).fetchone()
        assert row is not None
        assert 85 < row[0] <= 90.5

    def test_works_on_rows_of_another_kind(self, conn: psycopg.Connection) -> None:
        conn.row_factory = dict_row  # type: ignore[assignment]
        assert jobs.enqueue(conn, name="payments.submit", arguments={"payment_id": "p"}) > 0

    def test_wakes_who_listens(self, database: Any) -> None:
        with psycopg.connect(database.application_url, autocommit=True) as ear:
            ear.execute('LISTEN "procrastinate_queue_v1#money"')
            with database.connect() as conn:
                jobs.enqueue(conn, name="payments.submit", arguments={})
            assert len(list(ear.notifies(timeout=2, stop_after=1))) == 1

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ({"queue": "monye"}, "job_queue_unknown"),
            ({"name": "x"}, "job_refused"),
            ({"arguments": {"amount": 1.5}}, "job_arguments_refused"),
        ],
    )
    def test_refuses_before_it_writes(
        self, conn: psycopg.Connection, fault: dict[str, Any], code: str
    ) -> None:
        asked = {"name": "mail.send", "arguments": {}, "queue": "mail", **fault}
        with pytest.raises(jobs.JobError) as refusal:
            jobs.enqueue(conn, **asked)
        assert refusal.value.code == code
        row = conn.execute("SELECT count(*) FROM procrastinate_jobs").fetchone()
        assert row == (0,)


class TestSearchPath:
    def test_of_the_caller_does_not_matter(self, conn):
        conn.execute("SET LOCAL search_path = pg_catalog")
        arguments = {"payment_id": "0190"}
        assert jobs.enqueue(conn, name="test.run", arguments=arguments, queue="money") > 0
