"""Random deeds with claims: a wallet owes what its receivable lacks, and keeps nothing then."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from tallystick import ids
from tallystick.ledger import Account, Deed, LedgerError, Move, rules
from tallystick.money import Currency, Money

KES = Currency("KES")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
WALLET, HELD, RECEIVABLE, CLEARING = (UUID(int=number) for number in range(1, 5))
SIDES = {
    "claim": (WALLET, CLEARING),
    "in": (CLEARING, WALLET),
    "hold": (WALLET, HELD),
    "release": (HELD, WALLET),
    "out": (WALLET, CLEARING),
}


def account(identity: UUID, floor: int | None, ceiling: int | None = None) -> Account:
    return Account(identity, "KES", floor, ceiling, 0, 0, None, frozen=False)


def move(kind: str, minor: int) -> Move:
    beyond = RECEIVABLE if kind == "claim" else None
    return Move(*SIDES[kind], Money(minor, KES), kind, beyond_id=beyond)


MOVES = st.builds(move, st.sampled_from(sorted(SIDES)), st.integers(1, 50))


class TestDecide:
    @given(st.lists(st.lists(MOVES, min_size=1, max_size=3), max_size=12))
    def test_owes_what_the_receivable_lacks_and_keeps_nothing_while_it_owes(self, postings):
        accounts = {
            one.id: one
            for one in (
                account(WALLET, 0),
                account(HELD, 0),
                account(RECEIVABLE, None, 0),
                account(CLEARING, None),
            )
        }
        for moves in postings:
            deed = Deed(ids.new(), "test", "test", "", NOW, tuple(moves))
            try:
                posted = rules.decide(accounts, deed, now=NOW, new_id=ids.new)
            except LedgerError:
                continue
            accounts.update(posted.accounts)
            wallet = accounts[WALLET]
            assert wallet.owes == -accounts[RECEIVABLE].balance
            assert not (wallet.owes and wallet.balance)
            assert sum(one.balance for one in accounts.values()) == 0
