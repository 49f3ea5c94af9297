"""What a deed makes of its accounts, as pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import ids
from tallystick.ledger import (
    Account,
    AccountFrozen,
    AccountNotFound,
    CeilingExceeded,
    Deed,
    InsufficientFunds,
    Move,
    MoveInvalid,
    rules,
)
from tallystick.money import MINOR_MAX, Currency, Money

KES = Currency("KES")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
A, B, C = (UUID(int=number) for number in (1, 2, 3))


def account(identity=A, *, balance=0, floor: int | None = 0, **other) -> Account:
    fields = {"currency": "KES", "ceiling": None, "version": 0, "last_entry_at": None}
    return Account(
        id=identity, balance=balance, floor=floor, **{**fields, "frozen": False, **other}
    )


def deed(*moves: tuple[UUID, UUID, int], currency=KES) -> Deed:
    made = tuple(
        Move(debit, credit, Money(minor, currency), "test") for debit, credit, minor in moves
    )
    return Deed(ids.new(), "test", "test", "", NOW, made)


def decide(accounts: list[Account], done: Deed):
    return rules.decide({one.id: one for one in accounts}, done, now=NOW, new_id=ids.new)


class TestCheck:
    @pytest.mark.parametrize("moves", [[], [(A, A, 1)], [(A, B, 0)], [(A, B, -1)]])
    def test_refuses_what_no_books_could_make_right(self, moves):
        with pytest.raises(MoveInvalid):
            rules.check(deed(*moves))

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "Top up"},
            {"kind": "x" * 41},
            {"actor": ""},
            {"actor": "x" * 201},
            {"request_id": "x" * 101},
            {"note": "x" * 2001},
            {"note": "a\0b"},
            {"note": "\ud800"},
        ],
    )
    def test_refuses_words_that_the_table_would_refuse_for_the_whole_batch(self, change):
        with pytest.raises(MoveInvalid):
            rules.check(replace(deed((A, B, 1)), **change))


class TestDecide:
    def test_moves_from_debit_to_credit(self):
        posted = decide([account(A, balance=10), account(B)], deed((A, B, 7)))
        assert (posted.accounts[A].balance, posted.accounts[B].balance) == (3, 7)
        [transfer] = posted.transfers
        assert (transfer.debit_balance, transfer.credit_balance) == (3, 7)
        assert (transfer.debit_version, transfer.credit_version) == (1, 1)

    def test_refuses_to_fall_below_the_floor(self):
        with pytest.raises(InsufficientFunds) as refusal:
            decide([account(A, balance=6), account(B)], deed((A, B, 7)))
        assert refusal.value.account_id == A

    def test_judges_the_floor_after_each_transfer(self):
        accounts = [account(A), account(B, balance=5)]
        with pytest.raises(InsufficientFunds):
            decide(accounts, deed((A, B, 1), (B, A, 5)))

    def test_lets_an_account_without_floor_fall(self):
        posted = decide([account(A, floor=None), account(B)], deed((A, B, 7)))
        assert posted.accounts[A].balance == -7

    def test_lets_money_in_below_a_floor(self):
        accounts = [account(A, floor=None), account(B, balance=-9)]
        assert decide(accounts, deed((A, B, 1))).accounts[B].balance == -8

    def test_refuses_to_rise_above_the_ceiling(self):
        with pytest.raises(CeilingExceeded):
            decide([account(A, floor=None), account(B, ceiling=6)], deed((A, B, 7)))

    def test_lets_money_out_above_a_ceiling(self):
        accounts = [account(A, balance=50, ceiling=6), account(B)]
        assert decide(accounts, deed((A, B, 7))).accounts[A].balance == 43

    @pytest.mark.parametrize(("full", "refusal"), [(A, InsufficientFunds), (B, CeilingExceeded)])
    def test_refuses_to_leave_what_json_keeps_exact(self, full, refusal):
        brim = {A: -MINOR_MAX, B: MINOR_MAX}
        accounts = [
            account(one, floor=None, balance=brim[one] if one == full else 0) for one in brim
        ]
        with pytest.raises(refusal):
            decide(accounts, deed((A, B, 1)))

    def test_refuses_a_frozen_account_on_either_side(self):
        for frozen in (A, B):
            accounts = [account(one, floor=None, frozen=one == frozen) for one in (A, B)]
            with pytest.raises(AccountFrozen):
                decide(accounts, deed((A, B, 1)))

    def test_refuses_an_account_that_is_not_there(self):
        with pytest.raises(AccountNotFound):
            decide([account(A, floor=None)], deed((A, B, 1)))

    def test_refuses_another_currency(self):
        accounts = [account(A, floor=None), account(B, currency="USD")]
        with pytest.raises(MoveInvalid, match="USD"):
            decide(accounts, deed((A, B, 1)))

    def test_is_never_earlier_than_the_last_entry(self):
        late = NOW + timedelta(seconds=3)
        accounts = [account(A, floor=None), account(B, last_entry_at=late, version=4)]
        posted = decide(accounts, deed((A, B, 1)))
        assert posted.created_at == late
        assert posted.transfers[0].credit_version == 5

    @given(
        st.lists(
            st.tuples(st.sampled_from([A, B, C]), st.sampled_from([A, B, C]), st.integers(1, 99)),
            min_size=1,
            max_size=9,
        ).filter(lambda moves: all(debit != credit for debit, credit, _ in moves))
    )
    def test_makes_and_loses_no_money(self, moves):
        accounts = [account(one, floor=None, balance=50) for one in (A, B, C)]
        posted = decide(accounts, deed(*moves))
        untouched = [one for one in accounts if one.id not in posted.accounts]
        after = [*posted.accounts.values(), *untouched]
        assert sum(one.balance for one in after) == 150
        assert sum(one.version for one in after) == 2 * len(moves)
