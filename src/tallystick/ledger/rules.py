"""Pure decisions: what a deed makes of the accounts that it touches. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tallystick.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    CeilingExceeded,
    InsufficientFunds,
    MoveInvalid,
)
from tallystick.ledger.model import Account, Deed, Move, Posted, Transfer
from tallystick.money import MINOR_MAX

__all__ = ["check", "decide"]


def check(deed: Deed) -> None:
    """Raise MoveInvalid for a deed that no state of the books could make right."""
    if not deed.moves:
        raise MoveInvalid("A posting needs at least one transfer.")
    for move in deed.moves:
        if move.amount.minor <= 0:
            raise MoveInvalid("Give an amount above 0.")
        if move.debit_id == move.credit_id:
            raise MoveInvalid(
                "Money moves between two different accounts.", account_id=move.debit_id
            )


def decide(
    accounts: Mapping[UUID, Account],
    deed: Deed,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
) -> Posted:
    """Return what the deed does to accounts that are locked.

    Its time is the greatest of `now` and of the accounts' last entries, so that no later version
    carries an earlier time. Floors and ceilings are judged after each transfer. Raises a
    LedgerError, and then nothing of the deed happens.
    """
    after = {identity: _found(accounts, identity) for identity in touched(deed)}
    created_at = max([now, *(seen.last_entry_at for seen in after.values() if seen.last_entry_at)])
    transfers = []
    for move in deed.moves:
        debit = _moved(after[move.debit_id], move, -move.amount.minor, created_at)
        credit = _moved(after[move.credit_id], move, move.amount.minor, created_at)
        after[debit.id], after[credit.id] = debit, credit
        transfers.append(_transfer(new_id(), deed, move, debit, credit, created_at))
    return Posted(deed, tuple(transfers), after, created_at)


def touched(deed: Deed) -> list[UUID]:
    """Return the accounts of a deed, each once, in the order in which they are locked."""
    return sorted({side for move in deed.moves for side in (move.debit_id, move.credit_id)})


def _found(accounts: Mapping[UUID, Account], identity: UUID) -> Account:
    account = accounts.get(identity)
    if account is None:
        raise AccountNotFound("No such account.", account_id=identity)
    if account.frozen:
        raise AccountFrozen("The account is frozen: nothing moves on it.", account_id=identity)
    return account


def _moved(account: Account, move: Move, signed: int, created_at: datetime) -> Account:
    if account.currency != move.amount.currency.code:
        raise MoveInvalid(
            f"The account holds {account.currency}, not {move.amount.currency}.",
            account_id=account.id,
        )
    balance = account.balance + signed
    if signed < 0 and account.floor is not None and balance < account.floor:
        raise InsufficientFunds("The balance does not cover this amount.", account_id=account.id)
    # Past MINOR_MAX a balance would no longer be exact in every reader of JSON.
    ceiling = MINOR_MAX if account.ceiling is None else account.ceiling
    if (signed > 0 and balance > ceiling) or balance < -MINOR_MAX:
        raise CeilingExceeded("The account cannot hold that much.", account_id=account.id)
    return replace(account, balance=balance, version=account.version + 1, last_entry_at=created_at)


def _transfer(
    identity: UUID, deed: Deed, move: Move, debit: Account, credit: Account, created_at: datetime
) -> Transfer:
    return Transfer(
        id=identity,
        posting_id=deed.id,
        debit_id=debit.id,
        credit_id=credit.id,
        amount=move.amount.minor,
        kind=move.kind,
        debit_balance=debit.balance,
        credit_balance=credit.balance,
        debit_version=debit.version,
        credit_version=credit.version,
        occurred_at=deed.occurred_at,
        created_at=created_at,
    )
