"""Typed calls to the wallets' SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db
from tallystick.db import Connection, Statements, arrays
from tallystick.money import Currency, Money
from tallystick.wallets.model import Receipt, Wallet

__all__ = ["insert", "of_ids", "other_sides", "read", "receipt"]

STATEMENTS: Final = Statements(__package__)


def insert(
    conn: Connection,
    *,
    wallet_id: UUID,
    owner: str,
    currency: Currency,
    available_id: UUID,
    held_id: UUID,
    now: datetime,
) -> None:
    """Keep a wallet; do nothing where the owner has one in this currency."""
    values = {
        "id": wallet_id,
        "owner": owner,
        "currency": currency.code,
        "available_id": available_id,
        "held_id": held_id,
        "created_at": now,
    }
    db.run(conn, STATEMENTS["insert_wallet"], values)


def read(conn: Connection, *, owner: str, wallet_id: UUID | None = None) -> list[Wallet]:
    """Return the wallets of an owner, oldest first; the one with this id where it is given."""
    found = db.rows(conn, STATEMENTS["read"], {"owner": owner, "wallet_id": wallet_id})
    return [_wallet(*row) for row in found]


def of_ids(conn: Connection, wallet_ids: Sequence[UUID]) -> dict[UUID, Wallet]:
    """Return those of the wallets that exist, whoever holds them, by id."""
    found = db.rows(conn, STATEMENTS["of_ids"], {"ids": arrays.uuids(wallet_ids)})
    return {row[0]: _wallet(*row) for row in found}


def other_sides(
    conn: Connection, *, account_id: UUID, transfers: Sequence[UUID]
) -> dict[UUID, tuple[str | None, str | None]]:
    """Return by transfer whose wallet is on its other side, and its note; either may be None."""
    values = {"account_id": account_id, "transfers": list(transfers)}
    found = db.rows(conn, STATEMENTS["other_sides"], values)
    return {identity: (owner, note) for identity, owner, note in found}


def receipt(conn: Connection, *, transfer_id: UUID, owner: str) -> Receipt | None:
    """Return a transfer between two wallets, one of them the owner's, or None."""
    found = db.rows(conn, STATEMENTS["receipt"], {"transfer_id": transfer_id, "owner": owner})
    if not found:
        return None
    identity, code, amount, payer, payee, note, wallet_id, balance, version, *times = found[0]
    currency = Currency(code)
    return Receipt(
        id=identity,
        amount=Money(amount, currency),
        payer=payer,
        payee=payee,
        note=note,
        wallet_id=wallet_id,
        balance=Money(balance, currency),
        version=version,
        occurred_at=times[0],
        created_at=times[1],
    )


def _wallet(
    identity: UUID, owner: str, code: str, available_id: UUID, held_id: UUID, *rest: Any
) -> Wallet:
    available, held, version, created_at, owes = rest
    currency = Currency(code)
    return Wallet(
        id=identity,
        owner=owner,
        currency=currency,
        available_id=available_id,
        held_id=held_id,
        available=Money(available, currency),
        held=Money(held, currency),
        version=version,
        created_at=created_at,
        owes=Money(owes, currency),
    )
