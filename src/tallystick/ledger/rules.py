"""Pure decisions: what a deed makes of the accounts that it touches. No I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final
from uuid import UUID

from tallystick import db
from tallystick.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    AlreadyReversed,
    BalanceConditionFailed,
    CeilingExceeded,
    InsufficientFunds,
    MoveInvalid,
    ReversalNotReversible,
    TransferNotFound,
    VersionConflict,
)
from tallystick.ledger.model import (
    Account,
    Condition,
    Deed,
    Move,
    Original,
    Posted,
    Transfer,
)
from tallystick.money import MINOR_MAX, Currency, Money

__all__ = ["check", "decide", "moved", "receivables", "reversal", "touched", "undone"]

_KIND: Final = re.compile(r"[a-z][a-z_]{0,39}")
_ACTOR_MAX: Final = 200
_REQUEST_ID_MAX: Final = 100
_NOTE_MAX: Final = 2000


def check(deed: Deed) -> None:
    """Raise MoveInvalid for a deed that no state of the books could make right."""
    if not deed.moves:
        raise MoveInvalid("A posting needs at least one transfer.")
    _check_words(deed)
    undoes = [move.reverses for move in deed.moves if move.reverses]
    if len(set(undoes)) < len(undoes):
        raise MoveInvalid("A posting undoes a transfer once.")
    for move in deed.moves:
        if move.amount.minor <= 0:
            raise MoveInvalid("Give an amount above 0.")
        if move.debit_id == move.credit_id:
            raise MoveInvalid(
                "Money moves between two different accounts.", account_id=move.debit_id
            )
        if move.beyond_id is not None and move.reverses is not None:
            raise MoveInvalid("A claim undoes nothing: it is a move of its own.")


def decide(
    accounts: Mapping[UUID, Account],
    deed: Deed,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
    originals: Mapping[UUID, Original] | None = None,
) -> Posted:
    """Return what the deed does to accounts that are locked.

    Its time is the greatest of `now` and of the accounts' last entries, so that no later version
    carries an earlier time. Conditions are judged before the first transfer, floors and ceilings
    after each one. A claim beyond cover goes to the account's receivable, and a credit to an
    account that owes pays that back at the end of the posting. `originals` are the transfers
    that the deed undoes. Raises a LedgerError, and then nothing of the deed happens.
    """
    for condition in deed.conditions:
        _judge(condition, accounts)
    after = _opened(accounts, deed)
    may_owe = _claims(deed) or any(account.owes for account in after.values())
    created_at = _not_before(after.values(), now)
    moves = _shares(deed, after) if may_owe else deed.moves
    transfers = []
    for move in moves:
        if move.reverses is not None:
            _check_reversal(move, (originals or {}).get(move.reverses))
        debit = _moved(after[move.debit_id], move, -move.amount.minor, created_at)
        credit = _moved(after[move.credit_id], move, move.amount.minor, created_at)
        after[debit.id], after[credit.id] = debit, credit
        transfers.append(_transfer(new_id(), deed, move, debit, credit, created_at))
    return Posted(deed, tuple(transfers), after, created_at)


def moved(deed: Deed) -> set[UUID]:
    """Return the accounts that get entries."""
    return {side for move in deed.moves for side in (move.debit_id, move.credit_id)}


def touched(deed: Deed) -> set[UUID]:
    """Return the accounts that must be locked: those of the moves and of the conditions."""
    if not deed.conditions:
        return moved(deed)
    return moved(deed) | {condition.account_id for condition in deed.conditions}


def receivables(deeds: Iterable[Deed], accounts: Iterable[Account]) -> set[UUID]:
    """Return the receivables that must be locked with these locked accounts of these deeds."""
    owed = {one.receivable_id for one in accounts if one.owes and one.receivable_id is not None}
    claimed = (move.beyond_id for deed in deeds for move in deed.moves)
    return owed | {identity for identity in claimed if identity is not None}


def undone(deed: Deed) -> list[UUID]:
    """Return the transfers that the deed undoes."""
    return [move.reverses for move in deed.moves if move.reverses is not None]


def reversal(transfers: Sequence[Transfer], currencies: Mapping[UUID, str]) -> tuple[Move, ...]:
    """Return the moves that undo these transfers, the last one first.

    `currencies` maps their debited accounts to the code of their currency.
    """
    return tuple(
        Move(
            debit_id=original.credit_id,
            credit_id=original.debit_id,
            amount=Money(original.amount, Currency(currencies[original.debit_id])),
            kind="reversal",
            reverses=original.id,
        )
        for original in reversed(transfers)
    )


def _check_words(deed: Deed) -> None:
    """Refuse here what the table's constraints would refuse for the whole batch."""
    if not (_is_kind(deed.kind) and all(_is_kind(move.kind) for move in deed.moves)):
        raise MoveInvalid("A kind is a word of small letters, as top_up.")
    if not 1 <= len(deed.actor) <= _ACTOR_MAX or len(deed.request_id) > _REQUEST_ID_MAX:
        raise MoveInvalid("Name the actor and the request in few words.")
    if len(deed.note) > _NOTE_MAX:
        raise MoveInvalid(f"Give a note of at most {_NOTE_MAX} characters.")
    if not db.is_text(deed.actor + deed.request_id + deed.note):
        raise MoveInvalid("Leave out characters that are no text.")


@lru_cache(maxsize=256)
def _is_kind(text: str) -> bool:
    return _KIND.fullmatch(text) is not None


def _judge(condition: Condition, accounts: Mapping[UUID, Account]) -> None:
    account = _found(accounts, condition.account_id)
    if condition.if_version is not None and account.version != condition.if_version:
        raise VersionConflict("The account has changed: look again, then decide.", account=account)
    if condition.min_balance is not None and account.balance < condition.min_balance:
        raise BalanceConditionFailed("The account holds less than this asks for.", account=account)


def _found(accounts: Mapping[UUID, Account], identity: UUID) -> Account:
    account = accounts.get(identity)
    if account is None:
        raise AccountNotFound("No such account.", account_id=identity)
    return account


def _opened(accounts: Mapping[UUID, Account], deed: Deed) -> dict[UUID, Account]:
    """Return the accounts that the deed touches, as they stand; raise where one is closed to it."""
    after: dict[UUID, Account] = {}
    for move in deed.moves:
        after[move.debit_id] = _open(accounts, move.debit_id)
        after[move.credit_id] = _open(accounts, move.credit_id)
        if move.beyond_id is not None:
            after[move.beyond_id] = _open(accounts, move.beyond_id)
    for account in tuple(after.values()):
        if account.owes and account.receivable_id is not None:
            after[account.receivable_id] = _open(accounts, account.receivable_id)
    return after


def _open(accounts: Mapping[UUID, Account], identity: UUID) -> Account:
    account = accounts.get(identity) or _found(accounts, identity)
    if account.frozen:
        raise AccountFrozen("The account is frozen: nothing moves on it.", account=account)
    return account


def _check_reversal(move: Move, original: Original | None) -> None:
    """Raise where the move does not undo the whole of a transfer that stands."""
    if original is None:
        raise TransferNotFound("There is no such transfer to undo.")
    if original.is_reversal:
        raise ReversalNotReversible("This transfer undoes another: make a new transfer instead.")
    if original.is_reversed:
        raise AlreadyReversed("The transfer is undone already.")
    mirrored = (original.credit_id, original.debit_id, original.amount)
    if (move.debit_id, move.credit_id, move.amount.minor) != mirrored:
        raise MoveInvalid("A reversal moves the whole amount back between the same accounts.")


def _not_before(accounts: Iterable[Account], now: datetime) -> datetime:
    """Return the greatest of `now` and of the accounts' last entries."""
    for account in accounts:
        if account.last_entry_at is not None and account.last_entry_at > now:
            now = account.last_entry_at
    return now


def _moved(account: Account, move: Move, signed: int, created_at: datetime) -> Account:
    if account.currency != move.amount.currency.code:
        raise MoveInvalid(
            f"The account holds {account.currency}, not {move.amount.currency}.", account=account
        )
    balance = account.balance + signed
    floor = -MINOR_MAX if account.floor is None else account.floor
    if signed < 0 and balance < floor:
        raise InsufficientFunds("The balance does not cover this amount.", account=account)
    ceiling = MINOR_MAX if account.ceiling is None else account.ceiling
    if signed > 0 and balance > ceiling:
        raise CeilingExceeded("The account cannot hold that much.", account=account)
    return Account(
        account.id,
        account.currency,
        account.floor,
        account.ceiling,
        balance,
        account.version + 1,
        created_at,
        account.frozen,
        account.owes,
        account.receivable_id,
    )


def _claims(deed: Deed) -> bool:
    return any(move.beyond_id is not None for move in deed.moves)


def _shares(deed: Deed, after: dict[UUID, Account]) -> Iterator[Move]:
    """Give the moves as they are done: claims shared, and at the end what is paid back.

    Each is done before the next is asked for. Writes into `after` what accounts owe from then on.
    """
    for move in deed.moves:
        if move.beyond_id is None:
            yield move
        else:
            yield from _claim(move, move.beyond_id, after)
    for account in tuple(after.values()):
        if account.owes:
            yield from _repayment(account, after)


def _claim(move: Move, beyond_id: UUID, after: dict[UUID, Account]) -> Iterator[Move]:
    """Give what the claim takes from the account, and what from its receivable."""
    account = after[move.debit_id]
    covered = min(move.amount.minor, max(0, account.balance - (account.floor or 0)))
    rest = move.amount.minor - covered
    currency = move.amount.currency
    if covered:
        yield replace(move, amount=Money(covered, currency), beyond_id=None)
    if rest:
        account = after[move.debit_id]
        after[account.id] = account._replace(owes=account.owes + rest, receivable_id=beyond_id)
        yield replace(move, debit_id=beyond_id, amount=Money(rest, currency), beyond_id=None)


def _repayment(account: Account, after: dict[UUID, Account]) -> Iterator[Move]:
    """Give the move by which an account that owes pays back what it has: it keeps nothing."""
    paid = min(account.owes, account.balance - (account.floor or 0))
    if paid <= 0:
        return
    assert account.receivable_id is not None, "who owes has a receivable"
    after[account.id] = account._replace(owes=account.owes - paid)
    amount = Money(paid, Currency(account.currency))
    yield Move(account.id, account.receivable_id, amount, "repayment")


def _transfer(
    identity: UUID, deed: Deed, move: Move, debit: Account, credit: Account, created_at: datetime
) -> Transfer:
    # By place: by name it takes three times as long.
    return Transfer(
        identity,
        deed.id,
        debit.id,
        credit.id,
        move.amount.minor,
        move.kind,
        debit.balance,
        credit.balance,
        debit.version,
        credit.version,
        deed.occurred_at,
        created_at,
    )
