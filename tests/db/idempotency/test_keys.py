"""One key, one outcome: claimed, kept, replayed, refused, pruned; and the second waits."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest

from tallystick import db, idempotency
from tallystick.idempotency import (
    Claim,
    IdempotencyError,
    InFlight,
    KeyReused,
    Outcome,
    Record,
    fingerprint,
    operations,
)

ASKED = fingerprint("POST", "/api/transfers", b"{}")
DONE = Outcome(201, b'{"id": "\xc3\xa9"}')


def claim(
    conn, *, key: str = "k", caller: str = "c", asked: bytes = ASKED
) -> Outcome | IdempotencyError | None:
    """Claim one key: None where it is new, else what a request with it gets."""
    one = Claim(caller, key, asked)
    record = idempotency.claim(conn, [one], now=db.now(conn)).get(one.name)
    return None if record is None else idempotency.judge(one, record)


def keep(conn, outcome: Outcome = DONE) -> None:
    idempotency.store(conn, {("c", "k"): outcome})


class TestClaim:
    def test_takes_a_new_key(self, conn):
        assert claim(conn) is None

    def test_returns_the_same_bytes_once_there_is_an_outcome(self, conn):
        claim(conn)
        keep(conn)
        assert claim(conn) == DONE

    def test_keeps_callers_apart(self, conn):
        claim(conn)
        assert claim(conn, caller="other") is None

    def test_refuses_another_request(self, conn):
        claim(conn)
        keep(conn)
        other = fingerprint("POST", "/api/transfers", b"{ }")
        assert isinstance(claim(conn, asked=other), KeyReused)

    def test_waits_for_the_first_and_replays_it(self, database):
        with database.connect() as first, database.connect() as second:
            claim(first)
            keep(first)
            threading.Timer(0.3, first.commit).start()
            assert claim(second) == DONE

    def test_takes_over_where_the_first_was_rolled_back(self, database):
        with database.connect() as first, database.connect() as second:
            claim(first)
            threading.Timer(0.3, first.rollback).start()
            assert claim(second) is None

    def test_gives_up_after_two_seconds(self, database):
        with database.connect() as first, database.connect() as second:
            claim(first)
            since = time.monotonic()
            with pytest.raises(InFlight), second.transaction():
                claim(second)
            assert 1.9 < time.monotonic() - since < 3.5
            assert second.execute("SELECT 1").fetchone() == (1,)

    def test_leaves_the_transactions_own_bound_of_waits(self, conn):
        conn.execute("SET LOCAL lock_timeout = '7s'")
        claim(conn)
        assert conn.execute("SHOW lock_timeout").fetchone() == ("7s",)

    def test_takes_the_free_ones_of_many_and_tells_the_others(self, conn):
        claim(conn, key="b")
        idempotency.store(conn, {("c", "b"): DONE})
        asked = [Claim("c", key, ASKED) for key in ("c", "b", 'a"\\,{}')]
        assert idempotency.claim(conn, asked, now=db.now(conn)) == {("c", "b"): Record(ASKED, DONE)}
        kept = {("c", "c"): DONE, ("c", 'a"\\,{}'): Outcome(409, b'\x00"\xff')}
        idempotency.store(conn, kept)
        known = idempotency.claim(conn, asked, now=db.now(conn))
        assert {name: record.outcome for name, record in known.items()} == {
            **kept,
            ("c", "b"): DONE,
        }

    def test_in_opposite_orders_at_once_never_deadlocks(self, database):
        names = [f"k{number}" for number in range(40)]

        def take(order: list[str]) -> int:
            with database.connect() as conn:
                asked = [Claim("c", key, ASKED) for key in order]
                return len(idempotency.claim(conn, asked, now=db.now(conn)))

        with ThreadPoolExecutor(2) as pool:
            known = list(pool.map(take, (names, names[::-1])))
        assert sorted(known) == [0, 40]


class TestFind:
    def test_returns_what_is_kept_and_takes_nothing(self, conn):
        asked = Claim("c", "k", ASKED)
        assert idempotency.find(conn, asked) is None
        assert claim(conn) is None
        assert idempotency.find(conn, asked) is None
        keep(conn)
        assert idempotency.find(conn, asked) == DONE

    def test_refuses_another_request(self, conn):
        claim(conn)
        with pytest.raises(KeyReused):
            idempotency.find(conn, Claim("c", "k", bytes(32)))


class TestForget:
    def test_gives_the_key_back(self, conn):
        claim(conn)
        idempotency.forget(conn, [("c", "k")])
        assert claim(conn) is None

    def test_never_drops_an_outcome(self, conn):
        claim(conn)
        keep(conn)
        idempotency.forget(conn, [("c", "k")])
        assert claim(conn) == DONE


class TestStore:
    def test_keeps_one_outcome_a_key(self, conn):
        claim(conn)
        keep(conn)
        with pytest.raises(AssertionError):
            keep(conn)

    def test_refuses_a_fault_of_ours_as_an_outcome(self, conn):
        claim(conn)
        with pytest.raises(psycopg.errors.CheckViolation):
            keep(conn, Outcome(500, b""))


class TestPrune:
    def test_deletes_what_is_older_than_ninety_days(self, conn):
        now = db.now(conn)
        for key, days in (("old", 91), ("new", 89)):
            made = now - timedelta(days=days)
            idempotency.claim(conn, [Claim("c", key, ASKED)], now=made)
        assert operations.prune(conn, now=now) == 1
        kept = conn.execute("SELECT key FROM tallystick.idempotency").fetchall()
        assert kept == [("new",)]

    def test_goes_on_until_nothing_is_left(self, database, pool_of):
        with database.connect() as conn:
            conn.execute(
                "INSERT INTO tallystick.idempotency (caller, key, fingerprint, created_at)"
                " SELECT 'c', n::text, sha256('x'), now() - interval '100 days'"
                " FROM generate_series(1, 10050) n"
            )
        idempotency.prune(pool=pool_of(database.application_url))
        assert database.scalar("SELECT count(*) FROM tallystick.idempotency") == 0
