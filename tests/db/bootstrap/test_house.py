"""What the house refuses to stand on in production, and what its checks notice."""

from __future__ import annotations

import psycopg
import pytest

from factories import inbox
from tallystick import jobs
from tallystick.bootstrap import House, Unsafe
from tallystick.settings import load_settings
from tallystick.webhooks import store

#: What a test server cannot have; each is waived by name.
_WAIVED = "database_tls,redis_tls,plain_http,missing_smtp,fsync,full_page_writes,synchronous_commit"


def house(url: str, **more: str) -> House:
    environ = {
        "TALLYSTICK_ENV": "production",
        "TALLYSTICK_ACCEPT": _WAIVED,
        "TALLYSTICK_SECRET_KEY": "k7Vd2-fKq93mXz_0aLw8RtYb5NcUe1JhGs4PoIi6QxMvTy8ZrBnDuFwElCa2SkHj",
        "TALLYSTICK_DATABASE_URL": url,
        "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
        **more,
    }
    return House.from_settings(load_settings(environ, env_file=None))


class TestRefuseUnsafe:
    def test_takes_the_applications_role(self, database):
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute("DELETE FROM tallystick.test_clock")
        assert house(database.application_url).refuse_unsafe() is None

    def test_refuses_a_role_that_may_rewrite_the_books(self, database):
        with pytest.raises(Unsafe, match="may rewrite the books"):
            house(database.owner_url).refuse_unsafe()

    def test_refuses_the_owners_address_in_a_process_that_serves(self, database):
        urls = {"TALLYSTICK_OWNER_DATABASE_URL": database.owner_url}
        with pytest.raises(Unsafe, match="OWNER_DATABASE_URL"):
            house(database.application_url, **urls).refuse_unsafe()

    def test_refuses_a_database_whose_clock_was_moved(self, database):
        with database.connect() as conn:
            conn.execute("INSERT INTO tallystick.test_clock (offset_s) VALUES (60)")
        with pytest.raises(Unsafe, match="test clock"):
            house(database.application_url).refuse_unsafe()

    def test_refuses_a_database_without_our_schema(self, cluster):
        with pytest.raises(Unsafe, match="tallystick migrate"):
            house(cluster.application_url).refuse_unsafe()


class TestChecks:
    @pytest.fixture
    def workers(self, database):
        made = house(database.application_url)
        yield next(check for check in made.checks if check.name == "workers")
        made.close()

    def test_notice_that_no_worker_runs(self, workers):
        with pytest.raises(RuntimeError, match="No worker"):
            workers.run()

    def test_notice_a_queue_that_nobody_serves(self, database, workers):
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
            jobs.enqueue(owner, name="payments.submit", arguments={"payment_id": "x"})
            owner.commit()
            workers.run()
            owner.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = now() - interval '2 minutes'"
            )
            owner.execute("UPDATE procrastinate_events SET at = now() - interval '2 minutes'")
        with pytest.raises(RuntimeError, match="money"):
            workers.run()

    def test_notice_a_webhook_that_nobody_handles(self, database):
        made = house(database.application_url)
        [check] = [one for one in made.checks if one.name == "inbox"]
        with database.connect() as conn:
            store.keep(conn, [inbox.delivery()])
            conn.commit()
            check.run()
            conn.execute("UPDATE tallystick.webhook_event SET due_at = now() - interval '1 minute'")
            conn.commit()
        with pytest.raises(RuntimeError, match="waited for 60 s"):
            check.run()
        made.close()
