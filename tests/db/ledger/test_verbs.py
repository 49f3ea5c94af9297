"""Conditions, parts, freezing, undoing and notes, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import psycopg
import pytest

from factories.ledger import NOW, balance, deed, move, post
from factories.wallets import wallet
from tallystick import db, ids, ledger
from tallystick.errors import TallystickError
from tallystick.ledger import (
    AccountFrozen,
    AccountNotFound,
    AccountNotFrozen,
    AlreadyReversed,
    BalanceConditionFailed,
    Condition,
    InsufficientFunds,
    Move,
    Posted,
    ReversalNotReversible,
    TransferNotFound,
    VersionConflict,
)
from tallystick.money import Money

BY = {"actor": "operator:test", "request_id": "", "occurred_at": NOW}


@pytest.fixture
def sides(conn) -> tuple[UUID, UUID]:
    return wallet(conn, minor=100).available_id, wallet(conn).available_id


class TestCondition:
    @pytest.mark.parametrize(
        ("condition", "refusal"),
        [
            ({"if_version": 1}, None),
            ({"if_version": 0}, VersionConflict),
            ({"if_version": 2}, VersionConflict),
            ({"min_balance": 100}, None),
            ({"min_balance": 101}, BalanceConditionFailed),
            ({"if_version": 1, "min_balance": 101}, BalanceConditionFailed),
            ({}, None),
        ],
    )
    def test_is_judged_before_the_first_move(self, conn, sides, condition, refusal):
        asked = replace(deed(move(*sides, 30)), conditions=(Condition(sides[0], **condition),))
        if refusal is None:
            assert ledger.post(conn, asked).accounts[sides[0]].balance == 70
        else:
            with pytest.raises(refusal) as found:
                ledger.post(conn, asked)
            assert found.value.account_id == sides[0]
            assert balance(conn, sides[0]) == 100

    def test_may_be_of_an_account_that_the_deed_does_not_move(self, conn, sides):
        third = wallet(conn, minor=5).available_id
        asked = replace(deed(move(*sides, 1)), conditions=(Condition(third, min_balance=5),))
        assert third not in ledger.post(conn, asked).accounts
        assert ledger.account(conn, account_id=third).version == 1

    def test_sees_the_deeds_of_its_batch_before_it(self, conn, sides):
        fresh = Condition(sides[0], if_version=1)
        asked = [replace(deed(move(*sides, 1)), conditions=(fresh,)) for _ in range(2)]
        first, second = ledger.execute(conn, asked)
        assert isinstance(first, Posted)
        assert isinstance(second.error, VersionConflict)

    def test_of_no_account_is_refused(self, conn, sides):
        asked = replace(deed(move(*sides, 1)), conditions=(Condition(ids.new()),))
        with pytest.raises(AccountNotFound):
            ledger.post(conn, asked)


class Spent(TallystickError):
    """The ticket was used."""

    code = "test_spent"


@dataclass(frozen=True)
class Ticket:
    """A part that may happen once, whose row is a plain number of uses left."""

    key: UUID
    written: list[UUID] = field(default_factory=list)
    left: int = 1
    rank: int = 900

    @property
    def keys(self) -> tuple[UUID, ...]:
        return (self.key,)

    def lock(self, conn, keys) -> Mapping[UUID, int]:
        return dict.fromkeys(keys, self.left)

    def decide(self, rows, now) -> Mapping[UUID, int]:
        if not rows[self.key]:
            raise Spent("The ticket was used.")
        return {self.key: rows[self.key] - 1}

    def write(self, conn, rows, done) -> None:
        assert rows[self.key] == 0
        self.written.extend(posted.deed.id for _, posted in done)


class TestPart:
    def test_sees_what_accepted_deeds_of_the_batch_did_to_its_row(self, conn, sides):
        ticket = Ticket(ids.new())
        asked = [replace(deed(move(*sides, 1)), parts=(ticket,)) for _ in range(2)]
        first, second = ledger.execute(conn, asked)
        assert isinstance(first, Posted)
        assert isinstance(second.error, Spent)
        assert ticket.written == [first.deed.id]

    def test_of_a_refused_deed_leaves_its_row_to_the_next(self, conn, sides):
        ticket = Ticket(ids.new())
        asked = [replace(deed(move(*sides, minor)), parts=(ticket,)) for minor in (101, 1)]
        first, second = ledger.execute(conn, asked)
        assert isinstance(first.error, InsufficientFunds)
        assert ticket.written == [second.deed.id]

    def test_sees_what_parts_of_its_own_deed_did_before_it(self, conn, sides):
        ticket = Ticket(ids.new())
        with pytest.raises(Spent):
            ledger.post(conn, replace(deed(move(*sides, 1)), parts=(ticket, ticket)))
        assert ticket.written == []


class TestFreeze:
    def test_stops_the_account_until_it_is_unfrozen(self, conn, sides):
        ledger.freeze(conn, account_id=sides[1], actor="operator:ann", reason="Asked by police.")
        with pytest.raises(AccountFrozen):
            post(conn, *sides, 1)
        ledger.unfreeze(conn, account_id=sides[1], actor="operator:bob", reason="Cleared.")
        post(conn, *sides, 1)
        told = [
            (note.kind, note.actor, note.body) for note in ledger.notes(conn, account_id=sides[1])
        ]
        assert told == [
            ("freeze", "operator:ann", "Asked by police."),
            ("unfreeze", "operator:bob", "Cleared."),
        ]

    def test_refuses_to_do_nothing(self, conn, sides):
        known = {"account_id": sides[0], "actor": "operator:ann", "reason": "x"}
        with pytest.raises(AccountNotFrozen):
            ledger.unfreeze(conn, **known)
        ledger.freeze(conn, **known)
        with pytest.raises(AccountFrozen):
            ledger.freeze(conn, **known)

    def test_refuses_an_account_that_is_not_there(self, conn):
        with pytest.raises(AccountNotFound):
            ledger.freeze(conn, account_id=ids.new(), actor="operator:ann", reason="x")


class TestReverse:
    def test_moves_the_money_back_once(self, conn, sides):
        [done] = post(conn, *sides, 30).transfers
        [undone] = ledger.reverse(conn, transfer_id=done.id, **BY).transfers
        assert (undone.kind, undone.amount) == ("reversal", 30)
        assert (balance(conn, sides[0]), balance(conn, sides[1])) == (100, 0)
        with pytest.raises(AlreadyReversed):
            ledger.reverse(conn, transfer_id=done.id, **BY)
        assert ledger.verify(conn) == []

    def test_of_a_reversal_is_refused(self, conn, sides):
        [done] = post(conn, *sides, 30).transfers
        [undone] = ledger.reverse(conn, transfer_id=done.id, **BY).transfers
        with pytest.raises(ReversalNotReversible):
            ledger.reverse(conn, transfer_id=undone.id, **BY)

    def test_undoes_a_whole_posting_last_move_first(self, conn, sides):
        third = wallet(conn).available_id
        done = ledger.post(conn, deed(move(*sides, 30), move(sides[1], third, 30)))
        undone = ledger.reverse(conn, posting_id=done.deed.id, **BY)
        assert [transfer.debit_id for transfer in undone.transfers] == [third, sides[1]]
        assert [balance(conn, one) for one in (*sides, third)] == [100, 0, 0]
        assert len(ledger.transfers(conn, posting_id=done.deed.id)) == 2

    def test_twice_in_one_batch_happens_once(self, conn, sides):
        post(conn, sides[0], sides[1], 30)
        [done] = post(conn, *sides, 30).transfers
        asked = [ledger.reversal(conn, transfer_id=done.id, **BY) for _ in range(2)]
        first, second = ledger.execute(conn, asked)
        assert isinstance(first, Posted)
        assert isinstance(second.error, AlreadyReversed)

    def test_is_refused_where_the_money_is_gone_and_may_come_later(self, conn, sides):
        [done] = post(conn, *sides, 30).transfers
        [gone] = post(conn, sides[1], wallet(conn).available_id, 1).transfers
        with pytest.raises(InsufficientFunds):
            ledger.reverse(conn, transfer_id=done.id, **BY)
        ledger.reverse(conn, transfer_id=gone.id, **BY)
        ledger.reverse(conn, transfer_id=done.id, **BY)
        assert balance(conn, sides[0]) == 100

    def test_refuses_what_is_not_there(self, conn):
        with pytest.raises(TransferNotFound):
            ledger.reverse(conn, transfer_id=ids.new(), **BY)
        with pytest.raises(TransferNotFound):
            ledger.transfers(conn, posting_id=ids.new())

    def test_refuses_a_move_that_is_no_mirror(self, conn, sides):
        [done] = post(conn, *sides, 30).transfers
        part = Move(sides[1], sides[0], Money(29, move(*sides, 1).amount.currency), "x", done.id)
        with pytest.raises(ledger.MoveInvalid):
            ledger.post(conn, deed(part))

    def test_pairs_cannot_be_changed(self, conn, sides):
        [done] = post(conn, *sides, 30).transfers
        ledger.reverse(conn, transfer_id=done.id, **BY)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM tallystick.reversal")


class TestNote:
    def test_of_a_deed_is_kept_beside_the_books_and_can_be_erased(self, conn, sides):
        posted = ledger.post(conn, replace(deed(move(*sides, 1)), note="For lunch, Amina"))
        known = {"posting_id": posted.deed.id}
        ledger.write_note(
            conn, **known, kind="contact", actor="person:1", body="+254…", now=db.now(conn)
        )
        bodies = [note.body for note in ledger.notes(conn, **known)]
        assert bodies == ["For lunch, Amina", "+254…"]
        assert ledger.erase_notes(conn, **known) == 2
        assert [note.body for note in ledger.notes(conn, **known)] == ["", ""]
        assert ledger.erase_notes(conn, **known) == 0

    def test_may_be_deleted_but_not_signed_by_another(self, conn, sides):
        posted = ledger.post(conn, replace(deed(move(*sides, 1)), note="For lunch"))
        remove = "DELETE FROM tallystick.note WHERE posting_id = %s"
        assert conn.execute(remove, (posted.deed.id,)).rowcount == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("UPDATE tallystick.note SET actor = 'person:2'")

    def test_too_long_or_no_text_refuses_the_deed_alone(self, conn, sides):
        asked = [replace(deed(move(*sides, 1)), note=note) for note in ("x" * 2001, "\0", "good")]
        kinds = [type(outcome) for outcome in ledger.execute(conn, asked)]
        assert kinds == [ledger.Refused, ledger.Refused, Posted]
