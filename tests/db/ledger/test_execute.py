"""The executor on a real PostgreSQL: one posting, its rows, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace

import psycopg
import pytest

from factories.ledger import KES, balance, deed, move, post
from factories.races import together
from factories.wallets import wallet
from tallystick import ids, ledger
from tallystick.db import TransactionRequired
from tallystick.ledger import AccountPlan, CeilingExceeded, InsufficientFunds, Posted, Refused
from tallystick.money import MINOR_MAX


class Counting:
    """A connection that counts the statements sent over it."""

    def __init__(self, conn: psycopg.Connection) -> None:
        self.conn, self.statements = conn, 0

    def cursor(self):
        self.statements += 1
        return self.conn.cursor()


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
        [outcome] = ledger.execute(conn, [deed(good, bad)])
        assert isinstance(outcome, Refused)
        assert isinstance(outcome.error, InsufficientFunds)
        assert conn.execute(count).fetchone() == before
        assert balance(conn, one.available_id) == 100

    def test_does_several_deeds_in_their_order(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        there = deed(move(one.available_id, other.available_id, 100))
        back = deed(move(other.available_id, one.available_id, 40))
        ledger.execute(conn, [there, back])
        assert (balance(conn, one.available_id), balance(conn, other.available_id)) == (40, 60)
        assert ledger.verify(conn) == []

    def test_gives_each_deed_its_own_outcome(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        forth = move(one.available_id, other.available_id, 60)
        deeds = [
            deed(forth),
            deed(forth),
            deed(),
            deed(move(other.available_id, one.available_id, 60)),
        ]
        outcomes = ledger.execute(conn, deeds)
        assert [type(outcome) for outcome in outcomes] == [Posted, Refused, Refused, Posted]
        assert [outcome.deed for outcome in outcomes] == deeds
        codes = [outcome.error.code for outcome in outcomes if isinstance(outcome, Refused)]
        assert codes == ["insufficient_funds", "move_invalid"]
        assert (balance(conn, one.available_id), balance(conn, other.available_id)) == (100, 0)
        assert ledger.verify(conn) == []

    def test_keeps_the_account_of_a_refusal_as_it_stood(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        with pytest.raises(InsufficientFunds) as refusal:
            post(conn, one.available_id, other.available_id, 101)
        assert refusal.value.account_id == one.available_id
        assert refusal.value.account.balance == 100

    def test_writes_a_batch_in_as_many_statements_as_one_deed(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        there = move(one.available_id, other.available_id, 1)
        counted = Counting(conn)
        ledger.execute(counted, [deed(there)])
        alone = counted.statements
        ledger.execute(counted, [deed(there) for _ in range(50)])
        assert (alone, counted.statements - alone) == (5, 5)

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

    def test_locks_the_parts_of_all_deeds_once_a_rank_in_order(self, conn):
        one, other = wallet(conn, minor=100), wallet(conn)
        low, high = sorted(ids.new() for _ in range(2))
        locked: list[tuple[int, tuple]] = []

        @dataclass(frozen=True)
        class Noting:
            rank: int
            keys: tuple

            def lock(self, conn, keys):
                locked.append((self.rank, keys))
                return dict.fromkeys(keys, "row")

            def decide(self, rows, now):
                assert set(self.keys) <= rows.keys()

            def write(self, conn, rows, done):
                assert [part.rank for part, _ in done] == [self.rank] * 2
                locked.append((-self.rank, tuple(rows)))

        parts = [(Noting(2, (high,)), Noting(1, (high,))), (Noting(2, (low,)), Noting(1, (low,)))]
        moved = move(one.available_id, other.available_id, 1)
        ledger.execute(conn, [replace(deed(moved), parts=own) for own in parts])
        assert locked[:2] == [(1, (low, high)), (2, (low, high))]
        assert locked[2:] == [(-1, (low, high)), (-2, (low, high))]


class TestOpenAccounts:
    def test_in_opposite_orders_at_once_never_deadlocks(self, database):
        plans = [AccountPlan(f"test/{number:03}", KES, floor=0) for number in range(100)]

        def open_(order):
            with database.connect() as conn:
                return ledger.open_accounts(conn, order)

        for _ in range(3):
            forth, back = together(2, lambda number: open_(plans[:: -1 if number else 1]))
            assert forth == back[::-1]


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


class TestFloor:
    def test_stands_in_the_database_too(self, conn):
        full = wallet(conn, minor=100)
        with pytest.raises(psycopg.errors.CheckViolation, match="balance_at_or_above_floor"):
            conn.execute(
                "UPDATE tallystick.account SET balance = -1 WHERE id = %s", (full.available_id,)
            )


class TestCeiling:
    def test_stands_in_the_books(self, conn):
        plan = AccountPlan("test/ceiling", KES, floor=0, ceiling=5)
        [small] = ledger.open_accounts(conn, [plan])
        full = wallet(conn, minor=100)
        post(conn, full.available_id, small, 5)
        with pytest.raises(CeilingExceeded):
            post(conn, full.available_id, small, 1)
        assert ledger.account(conn, account_id=small).ceiling == 5

    def test_keeps_balances_exact_in_json(self, conn):
        outside, other = ledger.open_accounts(
            conn, [AccountPlan(f"test/{name}", KES, floor=None) for name in ("out", "in")]
        )
        post(conn, outside, other, MINOR_MAX)
        with pytest.raises(InsufficientFunds):
            post(conn, outside, wallet(conn).available_id, 1)
        with pytest.raises(CeilingExceeded):
            post(conn, wallet(conn, minor=1).available_id, other, 1)
