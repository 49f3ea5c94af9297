"""The real ledger on a real PostgreSQL against the auditor's dictionaries, under random deeds.

After each step every balance, version and entry is compared, and the books are verified.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

sys.path.insert(0, str(Path(__file__).parent))

from auditor import Auditor

from tallystick import ids, ledger
from tallystick.ledger import AccountPlan, Condition, Deed, LedgerError, Move, Posted, Refused
from tallystick.money import Currency, Money

KES = Currency("KES")
RUNS = {"quick": 25, "full": 200}
STEPS = 50

names = st.sampled_from(["outside", "ann", "ben", "cup", "dry"])
#: Floors and ceilings by name: a clearing account, two wallets, a small one, one in debt.
BOUNDS = {
    "outside": (None, None),
    "ann": (0, None),
    "ben": (0, None),
    "cup": (0, 50),
    "dry": (-20, 0),
}
amounts = st.one_of(st.integers(1, 60), st.integers(-1, 1000))
moves = st.tuples(names, names, amounts)
conditions = st.lists(
    st.tuples(names, st.none() | st.integers(0, 6), st.none() | st.integers(-30, 120)),
    max_size=2,
)
deeds = st.tuples(st.lists(moves, min_size=0, max_size=4), conditions)
mostly_single = st.one_of(st.tuples(st.lists(moves, min_size=1, max_size=1), st.just([])), deeds)


class Books(RuleBasedStateMachine):
    """One connection whose accounts are compared with the auditor's; rolled back at the end."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.conn = psycopg.connect(self.url)
        self.now = self.conn.execute("SELECT tallystick.now()").fetchone()[0]
        self.auditor = Auditor()
        self.accounts: dict[str, Any] = {}
        #: The real transfers, in the order of the auditor's.
        self.transfers: list[Any] = []

    def teardown(self) -> None:
        self.conn.rollback()
        self.conn.close()

    @initialize()
    def open_all_but_one(self) -> None:
        for name in list(BOUNDS)[:-1]:
            self.open_account(name)

    @rule(name=names)
    def open_account(self, name: str) -> None:
        floor, ceiling = BOUNDS[name]
        plan = AccountPlan(f"property/{name}", KES, floor, ceiling)
        [identity] = ledger.open_accounts(self.conn, [plan])
        assert self.accounts.setdefault(name, identity) == identity
        self.auditor.open(name, floor, ceiling)

    @rule(minor=st.integers(1, 200), name=names)
    def fund(self, minor: int, name: str) -> None:
        self.do([([("outside", name, minor)], [])])

    @rule(wanted=mostly_single)
    def post_one(self, wanted: tuple[list[Any], list[Any]]) -> None:
        self.do([wanted])

    @rule(batch=st.lists(mostly_single, min_size=2, max_size=8))
    def post_batch(self, batch: list[tuple[list[Any], list[Any]]]) -> None:
        self.do(batch)

    @precondition(lambda self: self.accounts)
    @rule(data=st.data(), stale=st.integers(0, 1))
    def post_if_unchanged(self, data: st.DataObject, stale: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.accounts)))
        seen = self.auditor.books[name].version - stale
        self.do([([("outside", "ann", 5)], [(name, seen, None)])] * 2)

    @rule(name=names)
    def freeze_or_unfreeze(self, name: str) -> None:
        book = self.auditor.books.get(name)
        if book is None:
            return
        change = ledger.unfreeze if book.frozen else ledger.freeze
        again = ledger.freeze if not book.frozen else ledger.unfreeze
        known = {"account_id": self.accounts[name], "actor": "operator:1", "reason": "x"}
        change(self.conn, **known)
        with pytest.raises(LedgerError):
            again(self.conn, **known)
        book.frozen = not book.frozen

    @precondition(lambda self: self.transfers)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        places = st.integers(0, len(self.transfers) - 1)
        chosen = data.draw(st.lists(places, min_size=1, max_size=3))
        asked = [
            ledger.reversal(
                self.conn,
                transfer_id=self.transfers[place].id,
                actor="operator:1",
                request_id="",
                occurred_at=self.now,
            )
            for place in chosen
        ]
        originals = [self.auditor.transfers[place] for place in chosen]
        expected = [
            self.auditor.post([(credit, debit, amount, place)])
            for place, (debit, credit, amount, _) in zip(chosen, originals, strict=True)
        ]
        self.compare(asked, expected)

    @invariant()
    def every_account_is_as_the_auditor_has_it(self) -> None:
        for name, identity in self.accounts.items():
            book = self.auditor.books[name]
            account = ledger.account(self.conn, account_id=identity)
            assert (account.balance, account.version) == (book.balance, book.version)
            assert account.frozen == book.frozen
            entries = ledger.entries(self.conn, account=account, limit=10_000)
            shown = [(entry.amount.minor, entry.balance.minor) for entry in reversed(entries)]
            assert shown == book.entries
            versions = [entry.version for entry in reversed(entries)]
            assert versions == list(range(1, len(versions) + 1))
            times = [entry.created_at for entry in reversed(entries)]
            assert times == sorted(times)

    @invariant()
    def the_books_are_right(self) -> None:
        assert ledger.verify(self.conn) == []
        assert sum(book.balance for book in self.auditor.books.values()) == 0

    def do(self, batch: list[tuple[list[Any], list[Any]]]) -> None:
        """Have both do the deeds; those that name an account nobody opened are left out."""
        known = [(wanted, asked) for wanted, asked in batch if self.knows(wanted, asked)]
        expected = [
            self.auditor.post([(*move, None) for move in wanted], asked) for wanted, asked in known
        ]
        self.compare([self.deed(wanted, asked) for wanted, asked in known], expected)

    def knows(self, wanted: list[Any], asked: list[Any]) -> bool:
        named = {name for debit, credit, _ in wanted for name in (debit, credit)}
        return {*named, *(name for name, *_ in asked)} <= set(self.accounts)

    def deed(self, wanted: list[Any], asked: list[Any]) -> Deed:
        made = tuple(
            Move(self.accounts[debit], self.accounts[credit], Money(minor, KES), "test")
            for debit, credit, minor in wanted
        )
        held = tuple(Condition(self.accounts[name], *rest) for name, *rest in asked)
        return Deed(ids.new(), "test", "test", "", self.now, made, conditions=held)

    def compare(self, asked: list[Deed], expected: list[str]) -> None:
        """Have the ledger do the deeds and hold its outcomes against the auditor's."""
        outcomes = ledger.execute(self.conn, asked)
        told = [one.error.code if isinstance(one, Refused) else "posted" for one in outcomes]
        assert told == expected
        done = [one for one in outcomes if isinstance(one, Posted)]
        self.transfers += [transfer for one in done for transfer in one.transfers]


class TestLedger:
    @pytest.mark.timeout(900)
    def test_does_what_the_auditor_does(self, request, database):
        machine = type("BooksHere", (Books,), {"url": database.application_url})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=RUNS[request.config.getoption("--profile")],
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
