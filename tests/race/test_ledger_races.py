"""Races on the ledger, with real threads and commits, under the eye of a reader of all balances."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest

from factories.ledger import NOW, balance, deed, move, post
from factories.wallets import wallet
from tallystick import ledger
from tallystick.ledger import AlreadyReversed, InsufficientFunds, Posted

#: Seconds of opposed transfers.
LASTS_S = {"quick": 2, "full": 10}
READ_EVERY_S = 0.05


def together(count: int, run: Callable[[int], object]) -> list[object]:
    """Run so many threads that start together and return what each returned."""
    gate = threading.Barrier(count)

    def go(number: int) -> object:
        gate.wait(timeout=60)
        return run(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(go, range(count)))


@dataclass
class Seen:
    """What the reader saw: sums of all balances, and the least balance of a wallet."""

    sums: list[int] = field(default_factory=list)
    least: list[int] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)


@contextmanager
def watched(database) -> Iterator[Seen]:
    """Read all balances in one statement every 50 ms, until the block ends and once after."""
    seen = Seen()
    ending = threading.Event()
    statement = (
        "SELECT sum(balance)::bigint, min(balance) FILTER (WHERE floor = 0) FROM tallystick.account"
    )

    def read() -> None:
        try:
            with psycopg.connect(database.application_url, autocommit=True) as conn:
                while True:
                    is_last = ending.is_set()
                    total, least = conn.execute(statement).fetchone()
                    seen.sums.append(total)
                    seen.least.append(least)
                    if is_last:
                        return
                    ending.wait(READ_EVERY_S)
        except psycopg.Error as trouble:
            seen.troubles.append(trouble)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        ending.set()
        reader.join()
    assert seen.troubles == []
    assert set(seen.sums) == {0}
    assert min(seen.least) >= 0
    with database.connect() as conn:
        assert ledger.verify(conn) == []


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
