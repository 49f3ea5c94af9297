"""Typed calls to the ledger's SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db import Connection, Statements, TransactionRequired
from tallystick.ledger.model import Account, Deed, Posted

__all__ = ["begin", "lock_accounts", "read_account", "rows", "write"]

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
    with conn.cursor() as cursor:
        cursor.execute(STATEMENTS[name], values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    with conn.cursor() as cursor:
        cursor.execute(STATEMENTS[name], values)


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


def write(conn: Connection, posted: Posted) -> None:
    """Write a decided posting: one row, its transfers and its accounts."""
    _write_posting(conn, posted.deed, posted.created_at)
    columns = {
        name: [getattr(transfer, name) for transfer in posted.transfers]
        for name in _TRANSFER_FIELDS
    }
    run(conn, "insert_transfers", **columns)
    _write_accounts(conn, posted.accounts.values())


def _write_posting(conn: Connection, deed: Deed, created_at: datetime) -> None:
    run(
        conn,
        "insert_posting",
        id=deed.id,
        kind=deed.kind,
        actor=deed.actor,
        request_id=deed.request_id,
        created_at=created_at,
    )


def _write_accounts(conn: Connection, accounts: Iterable[Account]) -> None:
    after = list(accounts)
    run(
        conn,
        "update_accounts",
        id=[account.id for account in after],
        balance=[account.balance for account in after],
        version=[account.version for account in after],
        last_entry_at=[account.last_entry_at for account in after],
    )
