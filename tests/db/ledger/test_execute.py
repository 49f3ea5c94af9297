"""The executor on a real PostgreSQL: one posting, its rows, and what it refuses."""

from __future__ import annotations

import psycopg
import pytest

from factories.ledger import balance, deed, move, post
from factories.wallets import wallet
from tallystick import ledger
from tallystick.db import TransactionRequired
from tallystick.ledger import InsufficientFunds


class TestExecute:
    def test_writes_posting_transfer_and_both_balances(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        posted = post(conn, one.available_id, other.available_id, 30)
        assert balance(conn, one.available_id) == 70
        assert balance(conn, other.available_id) == 30
        row = conn.execute(
            "SELECT amount, debit_balance, credit_balance, debit_version, credit_version"
            " FROM tallystick.transfer WHERE posting_id = %s",
            (posted.deed.id,),
        ).fetchall()
        assert row == [(30, 70, 30, 2, 1)]

    def test_writes_nothing_of_a_refused_deed(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        count = "SELECT count(*) FROM tallystick.transfer"
        before = conn.execute(count).fetchone()
        good = move(one.available_id, other.available_id, 10)
        bad = move(one.available_id, other.available_id, 91)
        with pytest.raises(InsufficientFunds):
            ledger.execute(conn, [deed(good, bad)])
        assert conn.execute(count).fetchone() == before
        assert balance(conn, one.available_id) == 100

    def test_does_several_deeds_in_their_order(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        there = deed(move(one.available_id, other.available_id, 100))
        back = deed(move(other.available_id, one.available_id, 40))
        ledger.execute(conn, [there, back])
        assert (balance(conn, one.available_id), balance(conn, other.available_id)) == (40, 60)
        assert ledger.verify(conn) == []

    def test_refuses_a_connection_that_commits_by_itself(self, database):
        with psycopg.connect(database.application_url) as conn:
            one, other = wallet(conn, minor=100), wallet(conn)
        done = deed(move(one.available_id, other.available_id, 1))
        with psycopg.connect(database.application_url, autocommit=True) as loose:
            with pytest.raises(TransactionRequired):
                ledger.execute(loose, [done])
            assert ledger.account(loose, account_id=one.available_id).balance == 100

    def test_refuses_a_stricter_isolation(self, database):
        with psycopg.connect(database.application_url) as conn:
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with pytest.raises(TransactionRequired):
                wallet(conn, minor=1)


class TestEntries:
    def test_show_both_sides_with_running_balance(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        post(conn, one.available_id, other.available_id, 30)
        account = ledger.account(conn, account_id=one.available_id)
        entries = ledger.entries(conn, account=account, limit=10)
        shown = [(entry.version, entry.amount.minor, entry.balance.minor) for entry in entries]
        assert shown == [(2, -30, 70), (1, 100, 100)]
        older = ledger.entries(conn, account=account, limit=10, before_version=2)
        assert [entry.version for entry in older] == [1]


class TestVerify:
    def test_finds_a_planted_balance(self, conn):
        full = wallet(conn, minor=100)
        assert ledger.verify(conn) == []
        plant = "UPDATE tallystick.account SET balance = 101 WHERE id = %s"
        conn.execute(plant, (full.available_id,))
        found = ledger.verify(conn)
        assert {breach.invariant for breach in found} == {"sum_is_zero", "balance_equals_entries"}
        assert {breach.difference for breach in found} == {1}

    def test_finds_a_planted_version(self, conn):
        full = wallet(conn, minor=100)
        plant = "UPDATE tallystick.account SET version = 2 WHERE id = %s"
        conn.execute(plant, (full.available_id,))
        [breach] = ledger.verify(conn)
        assert (breach.invariant, breach.difference) == ("balance_equals_entries", 0)


class TestFloor:
    def test_stands_in_the_database_too(self, conn):
        full = wallet(conn, minor=100)
        with pytest.raises(psycopg.errors.CheckViolation, match="balance_at_or_above_floor"):
            conn.execute(
                "UPDATE tallystick.account SET balance = -1 WHERE id = %s", (full.available_id,)
            )
