"""The janitor finds what waits, also what programs of the last release have moved."""

from __future__ import annotations

from factories import payments as factory
from factories.wallets import wallet
from tallystick import payments


class TestJanitor:
    def test_watches_what_nobody_watches(self, database, pool_of):
        with database.connect() as conn:
            waiting = factory.submitted(conn, wallet(conn))
            conn.execute(
                "UPDATE tallystick.payment SET look_at = NULL, waiting_since = NULL,"
                " updated_at = updated_at - interval '2 minutes' WHERE id = %s",
                (waiting.id,),
            )
        pool = pool_of(database.application_url)
        assert [payments.janitor(pool) for _ in range(2)] == [1, 0]
        looks = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = %s"
        assert database.scalar(looks, payments.LOOK) == 1
        with database.connect() as conn:
            seen = payments.get(conn, payment_id=waiting.id, owner=None)
        assert seen.waiting_since is not None
        assert seen.look_at is not None
