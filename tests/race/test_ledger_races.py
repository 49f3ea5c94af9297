"""Races on the ledger, with real threads and commits, under the eye of a reader of all balances."""

from __future__ import annotations

import random
import time

import pytest

from factories.ledger import NOW, balance, deed, move, post
from factories.races import together, watched
from factories.wallets import wallet
from tallystick import ledger
from tallystick.ledger import AlreadyReversed, InsufficientFunds, Posted

#: Seconds of opposed transfers.
LASTS_S = {"quick": 2, "full": 10}


def funded(database, *minors: int):
    """Open wallets with so much in them, committed, and return their accounts."""
    with database.connect() as conn:
        return [wallet(conn, minor=minor).available_id for minor in minors]


def balances(database, *accounts) -> list[int]:
    with database.connect() as conn:
        return [balance(conn, one) for one in accounts]


class TestDebits:
    def test_sixty_four_at_once_let_exactly_the_affordable_through(self, database):
        payer, payee = funded(database, 25, 0)

        def debit(_: int) -> bool:
            try:
                with database.connect() as conn:
                    post(conn, payer, payee, 1)
            except InsufficientFunds:
                return False
            return True

        with watched(database):
            assert sum(together(64, debit)) == 25
        assert balances(database, payer, payee) == [0, 25]

    def test_in_batches_at_once_let_exactly_the_affordable_through(self, database):
        payer, payee = funded(database, 25, 0)

        def debit(_: int) -> int:
            asked = [deed(move(payer, payee, 1)) for _ in range(8)]
            with database.connect() as conn:
                return sum(isinstance(one, Posted) for one in ledger.execute(conn, asked))

        with watched(database):
            assert sum(together(8, debit)) == 25
        assert balances(database, payer, payee) == [0, 25]


class TestReversals:
    def test_of_one_transfer_at_once_happen_once(self, database):
        payer, payee = funded(database, 30, 70)
        with database.connect() as conn:
            [done] = post(conn, payer, payee, 30).transfers
        known = {"actor": "operator:1", "request_id": "", "occurred_at": NOW}

        def undo(_: int) -> bool:
            try:
                with database.connect() as conn:
                    ledger.reverse(conn, transfer_id=done.id, **known)
            except AlreadyReversed:
                return False
            return True

        with watched(database):
            assert sum(together(16, undo)) == 1
        assert balances(database, payer, payee) == [30, 70]


class TestOpposedTransfers:
    @pytest.mark.timeout(180)
    def test_show_no_deadlock_to_a_caller(self, request, database):
        lasts_s = LASTS_S[request.config.getoption("--profile")]
        accounts = funded(database, *[1000] * 6)
        until = time.monotonic() + lasts_s

        def swap(number: int) -> int:
            draw = random.Random(number)  # noqa: S311 - a workload, no secret
            done = 0
            with database.connect() as conn:
                while time.monotonic() < until:
                    pairs = [draw.sample(accounts, 2) for _ in range(draw.choice([1, 1, 5]))]
                    asked = [deed(move(*pair, draw.randint(1, 400))) for pair in pairs]
                    asked.append(deed(*(move(*pair, 1) for pair in pairs)))
                    outcomes = ledger.execute(conn, asked)
                    conn.commit()
                    done += sum(isinstance(one, Posted) for one in outcomes)
            return done

        with watched(database) as seen:
            assert min(together(16, swap)) > 0
        assert len(seen.sums) > lasts_s * 5
        assert sum(balances(database, *accounts)) == 6000
