"""Typed calls to the ledger's SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db
from tallystick import ids as identities
from tallystick.db import Connection, Statements, TransactionRequired
from tallystick.ledger.model import Account, Note, Original, Posted, Transfer

__all__ = [
    "begin",
    "lock_accounts",
    "read_account",
    "read_originals",
    "read_transfers",
    "rows",
    "run",
    "write",
    "write_notes",
]

STATEMENTS: Final = Statements(__package__)
_TRANSFER_FIELDS: Final = (
    "id",
    "posting_id",
    "debit_id",
    "credit_id",
    "amount",
    "kind",
    "debit_balance",
    "credit_balance",
    "debit_version",
    "credit_version",
    "occurred_at",
    "created_at",
)


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


def lock_accounts(conn: Connection, ids: Sequence[UUID], *, mark: str) -> dict[UUID, Account]:
    """Lock accounts FOR NO KEY UPDATE in order of id and return those that exist.

    Raises TransactionRequired where the mark of `begin` is gone: every statement then commits by
    itself, and the lock would be gone as well.
    """
    found = rows(conn, "lock_accounts", ids=list(ids))
    if found and found[0][-1] != mark:
        raise TransactionRequired("Money moves inside an open transaction: turn autocommit off.")
    return {row[0]: Account(*row[:-1]) for row in found}


def read_account(conn: Connection, account_id: UUID) -> Account | None:
    """Return an account as last committed, for showing only."""
    found = rows(conn, "get_account", id=account_id)
    return Account(*found[0]) if found else None


def read_originals(conn: Connection, ids: Sequence[UUID]) -> dict[UUID, Original]:
    """Return those transfers that exist, and whether each is undone or undoes another."""
    return {row[0]: Original(*row) for row in rows(conn, "read_originals", transfer_ids=list(ids))}


def read_transfers(
    conn: Connection, *, transfer_id: UUID | None, posting_id: UUID | None
) -> list[tuple[Transfer, str]]:
    """Return the transfer, or all of the posting in their order, each with its currency's code."""
    if transfer_id is not None:
        found = rows(conn, "get_transfer", transfer_id=transfer_id)
    else:
        found = rows(conn, "transfers_of_posting", posting_id=posting_id)
    return [(Transfer(*row[:-1]), row[-1]) for row in found]


def write(conn: Connection, done: Sequence[Posted]) -> None:
    """Write decided postings: one statement each for postings, transfers and accounts.

    Reversals and notes take another one each, where there are any.
    """
    deeds = [posted.deed for posted in done]
    run(
        conn,
        "insert_postings",
        **_columns(deeds, "id", "kind", "actor", "request_id"),
        created_at=[posted.created_at for posted in done],
    )
    transfers = [transfer for posted in done for transfer in posted.transfers]
    run(conn, "insert_transfers", **_columns(transfers, *_TRANSFER_FIELDS))
    accounts = {identity: one for posted in done for identity, one in posted.accounts.items()}
    fields = ("id", "balance", "version", "last_entry_at")
    run(conn, "update_accounts", **_columns(accounts.values(), *fields))
    _write_reversals(conn, done)
    notes = [_note_of(posted) for posted in done if posted.deed.note]
    if notes:
        write_notes(conn, notes)


def write_notes(conn: Connection, notes: Sequence[Note]) -> None:
    """Keep the notes."""
    fields = ("id", "posting_id", "account_id", "kind", "actor", "body", "created_at")
    run(conn, "insert_notes", **_columns(notes, *fields))


def _write_reversals(conn: Connection, done: Sequence[Posted]) -> None:
    pairs = [
        (move.reverses, transfer.id)
        for posted in done
        for move, transfer in zip(posted.deed.moves, posted.transfers, strict=True)
        if move.reverses is not None
    ]
    if pairs:
        originals, reversals = zip(*pairs, strict=True)
        run(conn, "insert_reversals", original_id=list(originals), reversal_id=list(reversals))


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


def _columns(rows: Iterable[object], *fields: str) -> dict[str, object]:
    """Return the rows turned into one array a field, as `unnest` takes them."""
    kept = list(rows)
    return {name: _array([getattr(row, name) for row in kept]) for name in fields}


def _array(values: list[object]) -> object:
    """Return PostgreSQL's own text of an array where no value needs quoting, else the values.

    Written here it costs a third of what a driver takes to write it value by value.
    """
    if all(type(value) is int or type(value) is UUID for value in values):
        return "{" + ",".join(map(str, values)) + "}"
    if all(type(value) is datetime for value in values):
        texts = {value: f'"{value}"' for value in set(values)}
        return "{" + ",".join(texts[value] for value in values) + "}"
    return values
