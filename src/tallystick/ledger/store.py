"""Typed calls to the ledger's SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db
from tallystick import ids as identities
from tallystick.db import Connection, Statements, TransactionRequired, arrays
from tallystick.ledger.model import Account, Note, Original, Posted, Transfer

__all__ = [
    "accounts_held",
    "begin",
    "end_session",
    "enter",
    "has_posting",
    "lock_account_alone",
    "lock_accounts",
    "read_account",
    "read_originals",
    "read_transfers",
    "require_open",
    "rows",
    "run",
    "write",
    "write_notes",
]

STATEMENTS: Final = Statements(__package__)
#: How each field of a transfer is written, in the order of its fields.
_TRANSFER: Final[Mapping[str, Callable[[Iterable[Any]], arrays.Column]]] = {
    "id": arrays.uuids,
    "posting_id": arrays.uuids,
    "debit_id": arrays.uuids,
    "credit_id": arrays.uuids,
    "amount": arrays.integers,
    "kind": arrays.texts,
    "debit_balance": arrays.integers,
    "credit_balance": arrays.integers,
    "debit_version": arrays.integers,
    "credit_version": arrays.integers,
    "occurred_at": arrays.moments,
    "created_at": arrays.moments,
}
_AUTOCOMMIT: Final = "Money moves inside an open transaction: turn autocommit off."
assert tuple(_TRANSFER) == Transfer._fields


def rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a named statement that returns rows, and return them all."""
    return db.rows(conn, STATEMENTS[name], values)


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    db.run(conn, STATEMENTS[name], values)


def begin(conn: Connection, *, mark: str) -> datetime:
    """Return the clock and mark the transaction; raise TransactionRequired for a stricter one.

    Under REPEATABLE READ the locked rows would be those of an old snapshot.
    """
    [(now, _, isolation)] = rows(conn, "begin", mark=mark)
    if isolation != "read committed":
        raise TransactionRequired(
            "Money moves in a READ COMMITTED transaction: set no other level."
        )
    assert isinstance(now, datetime)
    return now


def require_open(conn: Connection, *, mark: str) -> None:
    """Raise TransactionRequired where the mark of `begin` is gone: every statement commits."""
    [(is_open,)] = rows(conn, "is_open", mark=mark)
    if not is_open:
        raise TransactionRequired(_AUTOCOMMIT)


def lock_accounts(conn: Connection, ids: Sequence[UUID], *, mark: str) -> dict[UUID, Account]:
    """Lock accounts FOR NO KEY UPDATE in order of id and return those that exist.

    Raises TransactionRequired where the mark of `begin` is gone: every statement then commits by
    itself, and the lock would be gone as well.
    """
    found = rows(conn, "lock_accounts", ids=arrays.uuids(ids), mark=mark)
    if found and not found[0][-1]:
        raise TransactionRequired(_AUTOCOMMIT)
    return {row[0]: Account._make(row[:-1]) for row in found}


def enter(conn: Connection, *, lock_wait_ms: int) -> str:
    """Begin a transaction that waits so long for each lock, and return its number."""
    [(xid, _)] = rows(conn, "enter", wait=f"{lock_wait_ms}ms")
    return str(xid)


def accounts_held(conn: Connection, ids: Collection[UUID]) -> set[UUID]:
    """Return those accounts that another transaction has locked; lock the others."""
    return {identity for (identity,) in rows(conn, "accounts_held", ids=arrays.uuids(ids))}


def lock_account_alone(conn: Connection, account_id: UUID) -> None:
    """Lock one account, to learn when it is free; a deed locks its accounts together."""
    rows(conn, "lock_account_alone", id=account_id)


def end_session(conn: Connection, xid: str, backend: int) -> bool:
    """End the session that runs this transaction, and return whether there was one still."""
    return bool(rows(conn, "end_session", xid=xid, backend=backend))


def has_posting(conn: Connection, posting_id: UUID) -> bool:
    """Return whether a posting is committed."""
    [(is_there,)] = rows(conn, "has_posting", id=posting_id)
    return bool(is_there)


def read_account(conn: Connection, account_id: UUID) -> Account | None:
    """Return an account as last committed, for showing only."""
    found = rows(conn, "get_account", id=account_id)
    return Account._make(found[0]) if found else None


def read_originals(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Original]:
    """Return those transfers that exist, and whether each is undone or undoes another."""
    found = rows(conn, "read_originals", transfer_ids=arrays.uuids(ids))
    return {row[0]: Original(*row) for row in found}


def read_transfers(
    conn: Connection, *, transfer_id: UUID | None, posting_id: UUID | None
) -> list[tuple[Transfer, str]]:
    """Return the transfer, or all of the posting in their order, each with its currency's code."""
    if transfer_id is not None:
        found = rows(conn, "get_transfer", transfer_id=transfer_id)
    else:
        found = rows(conn, "transfers_of_posting", posting_id=posting_id)
    return [(Transfer._make(row[:-1]), row[-1]) for row in found]


def write(conn: Connection, done: Sequence[Posted]) -> None:
    """Write decided postings: one statement each for postings, transfers and accounts.

    Reversals and notes take another one each, where there are any.
    """
    deeds = [posted.deed for posted in done]
    run(
        conn,
        "insert_postings",
        id=arrays.uuids(deed.id for deed in deeds),
        kind=arrays.texts(deed.kind for deed in deeds),
        actor=arrays.texts(deed.actor for deed in deeds),
        request_id=arrays.texts(deed.request_id for deed in deeds),
        created_at=arrays.moments(posted.created_at for posted in done),
    )
    columns = zip(*(transfer for posted in done for transfer in posted.transfers), strict=True)
    written = {
        field: write(column)
        for (field, write), column in zip(_TRANSFER.items(), columns, strict=True)
    }
    run(conn, "insert_transfers", **written)
    after: dict[UUID, Account] = {}
    for posted in done:
        after |= posted.accounts
    accounts = after.values()
    run(
        conn,
        "update_accounts",
        id=arrays.uuids(after),
        balance=arrays.integers(account.balance for account in accounts),
        version=arrays.integers(account.version for account in accounts),
        last_entry_at=arrays.moments(account.last_entry_at for account in accounts),
    )
    # A receivable is touched by claims and by what pays them back, and by nothing else.
    owing = {one.id: one for one in accounts if one.receivable_id is not None}
    if owing:
        run(
            conn,
            "update_owed",
            id=arrays.uuids(owing),
            owes=arrays.integers(account.owes for account in owing.values()),
            receivable_id=arrays.uuids(account.receivable_id for account in owing.values()),
        )
    undoing = [
        posted for posted in done if any(move.reverses is not None for move in posted.deed.moves)
    ]
    if undoing:
        _write_reversals(conn, undoing)
    notes = [_note_of(posted) for posted in done if posted.deed.note]
    if notes:
        write_notes(conn, notes)


def write_notes(conn: Connection, notes: Sequence[Note]) -> None:
    """Keep the notes."""
    run(
        conn,
        "insert_notes",
        id=arrays.uuids(note.id for note in notes),
        posting_id=arrays.uuids(note.posting_id for note in notes),
        account_id=arrays.uuids(note.account_id for note in notes),
        kind=arrays.texts(note.kind for note in notes),
        actor=arrays.texts(note.actor for note in notes),
        body=arrays.texts(note.body for note in notes),
        created_at=arrays.moments(note.created_at for note in notes),
    )


def _write_reversals(conn: Connection, done: Sequence[Posted]) -> None:
    pairs = [
        (move.reverses, transfer.id)
        for posted in done
        # What pays a debt back comes after the moves' own transfers.
        for move, transfer in zip(posted.deed.moves, posted.transfers, strict=False)
        if move.reverses is not None
    ]
    originals, reversals = zip(*pairs, strict=True)
    run(
        conn,
        "insert_reversals",
        original_id=arrays.uuids(originals),
        reversal_id=arrays.uuids(reversals),
    )


def _note_of(posted: Posted) -> Note:
    deed = posted.deed
    return Note(
        identities.new(),
        deed.id,
        None,
        kind="message",
        actor=deed.actor,
        body=deed.note,
        created_at=posted.created_at,
    )
