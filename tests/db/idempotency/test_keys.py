"""One key, one outcome: claimed, kept, replayed, refused, pruned; and the second waits."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import psycopg
import pytest

from tallystick import db, idempotency
from tallystick.idempotency import InFlight, KeyReused, Outcome, fingerprint, operations

ASKED = fingerprint("POST", "/api/transfers", b"{}")
DONE = Outcome(201, b'{"id": "\xc3\xa9"}')


def claim(conn, *, key: str = "k", caller: str = "c", asked: bytes = ASKED) -> Outcome | None:
    return idempotency.claim(conn, caller=caller, key=key, fingerprint=asked, now=db.now(conn))


class TestClaim:
    def test_takes_a_new_key(self, conn):
        assert claim(conn) is None

    def test_returns_the_same_bytes_once_there_is_an_outcome(self, conn):
        claim(conn)
        idempotency.store(conn, caller="c", key="k", outcome=DONE)
        assert claim(conn) == DONE

    def test_keeps_callers_apart(self, conn):
        claim(conn)
        assert claim(conn, caller="other") is None

    def test_refuses_another_request(self, conn):
        claim(conn)
        idempotency.store(conn, caller="c", key="k", outcome=DONE)
        with pytest.raises(KeyReused):
            claim(conn, asked=fingerprint("POST", "/api/transfers", b"{ }"))

    def test_waits_for_the_first_and_replays_it(self, database):
        with database.connect() as first, database.connect() as second:
            claim(first)
            idempotency.store(first, caller="c", key="k", outcome=DONE)
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


class TestForget:
    def test_gives_the_key_back(self, conn):
        claim(conn)
        idempotency.forget(conn, caller="c", key="k")
        assert claim(conn) is None

    def test_never_drops_an_outcome(self, conn):
        claim(conn)
        idempotency.store(conn, caller="c", key="k", outcome=DONE)
        idempotency.forget(conn, caller="c", key="k")
        assert claim(conn) == DONE


class TestStore:
    def test_keeps_one_outcome_a_key(self, conn):
        claim(conn)
        idempotency.store(conn, caller="c", key="k", outcome=DONE)
        with pytest.raises(AssertionError):
            idempotency.store(conn, caller="c", key="k", outcome=DONE)

    def test_refuses_a_fault_of_ours_as_an_outcome(self, conn):
        claim(conn)
        with pytest.raises(psycopg.errors.CheckViolation):
            idempotency.store(conn, caller="c", key="k", outcome=Outcome(500, b""))


class TestPrune:
    def test_deletes_what_is_older_than_ninety_days(self, conn):
        now = db.now(conn)
        for key, days in (("old", 91), ("new", 89)):
            made = now - timedelta(days=days)
            idempotency.claim(conn, caller="c", key=key, fingerprint=ASKED, now=made)
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
