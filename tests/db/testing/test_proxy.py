"""The proxy before a real PostgreSQL: what a caller sees when the line fails in the deed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest

from factories.ledger import balance, post
from factories.wallets import wallet
from tallystick import db
from tallystick.testing import TcpProxy, Way


@pytest.fixture
def proxy(database) -> Iterator[TcpProxy]:
    with TcpProxy.to(database.application_url) as line:
        yield line


@pytest.fixture
def pair(database):
    """Give a wallet with 100 in it, and an empty one."""
    with database.connect() as conn:
        return wallet(conn, minor=100), wallet(conn)


class TestCommit:
    @pytest.mark.parametrize(("is_delivered", "expected"), [(False, 100), (True, 70)])
    def test_lost_on_the_way_is_told_from_its_answer_lost(
        self, database, proxy, pair, is_delivered, expected
    ):
        full, empty = pair
        proxy.cut_at(b"COMMIT", is_delivered=is_delivered)
        conn = psycopg.connect(proxy.url(database.application_url))
        post(conn, full.available_id, empty.available_id, 30)
        with pytest.raises(psycopg.OperationalError):
            conn.commit()
        assert conn.closed
        with database.connect() as after:
            assert balance(after, full.available_id) == expected


class TestBlackhole:
    def test_ends_in_time_with_the_pool(self, database, proxy):
        pool = db.Pool(
            proxy.url(database.application_url),
            size_max=1,
            timeout_s=1,
            application_name="test",
        )
        proxy.blackhole(Way.TO_CLIENT)
        started = time.monotonic()
        with pytest.raises(db.DatabaseUnavailable), pool.transaction():
            pass
        assert time.monotonic() - started < 5
        proxy.heal()
        pool.close()

    def test_holds_a_deed_and_lets_it_end(self, database, proxy, pair):
        full, empty = pair

        def move() -> None:
            with psycopg.connect(proxy.url(database.application_url)) as conn:
                post(conn, full.available_id, empty.available_id, 30)

        proxy.blackhole()
        thread = threading.Thread(target=move)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
        proxy.heal()
        thread.join(10)
        with database.connect() as after:
            assert balance(after, empty.available_id) == 30


class TestSlice:
    def test_of_one_byte_changes_no_deed(self, database, proxy, pair):
        full, empty = pair
        proxy.slice(1)
        with psycopg.connect(proxy.url(database.application_url)) as conn:
            post(conn, full.available_id, empty.available_id, 30)
            assert balance(conn, empty.available_id) == 30
