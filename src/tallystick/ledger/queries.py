"""Reads of the ledger. What they return decides nothing: it may be old when it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.db import Connection
from tallystick.ledger import store
from tallystick.ledger.errors import AccountNotFound
from tallystick.ledger.model import Account, Entry
from tallystick.money import Currency, Money

__all__ = ["Breach", "account", "entries", "verify"]

_VERSION_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold: where, and by how many minor units."""

    invariant: str
    where: str
    difference: int


def account(conn: Connection, *, account_id: UUID) -> Account:
    """Return an account; raise AccountNotFound."""
    found = store.read_account(conn, account_id)
    if found is None:
        raise AccountNotFound("No such account.", account_id=account_id)
    return found


def entries(
    conn: Connection, *, account: Account, limit: int, before_version: int | None = None
) -> list[Entry]:
    """Return the newest entries of an account, newest first, below `before_version` if given."""
    currency = Currency(account.currency)
    found = store.rows(
        conn,
        "entries",
        account_id=account.id,
        before_version=_VERSION_MAX if before_version is None else before_version,
        most=limit,
    )
    return [
        Entry(account.id, version, Money(amount, currency), Money(balance, currency), *rest)
        for version, amount, balance, *rest in found
    ]


def verify(conn: Connection) -> list[Breach]:
    """Return every breach of the books: none in a ledger that works.

    Balances of a currency sum to zero; each balance and version equals the account's entries.
    """
    off_balance = store.rows(conn, "currencies_off_balance")
    off_entries = store.rows(conn, "accounts_off_entries")
    return [
        *(Breach("sum_is_zero", currency, difference) for currency, difference in off_balance),
        *(
            Breach("balance_equals_entries", f"{path} {currency}", difference)
            for path, currency, difference in off_entries
        ),
    ]
