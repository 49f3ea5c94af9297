"""Typed calls to the wallets' SQL. It decides nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db import Connection, Statements
from tallystick.money import Currency, Money
from tallystick.wallets.model import Wallet

__all__ = ["insert", "read"]

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
    with conn.cursor() as cursor:
        cursor.execute(
            STATEMENTS["insert_wallet"],
            {
                "id": wallet_id,
                "owner": owner,
                "currency": currency.code,
                "available_id": available_id,
                "held_id": held_id,
                "created_at": now,
            },
        )


def read(conn: Connection, *, owner: str, wallet_id: UUID | None = None) -> list[Wallet]:
    """Return the wallets of an owner, oldest first; the one with this id where it is given."""
    with conn.cursor() as cursor:
        cursor.execute(STATEMENTS["read"], {"owner": owner, "wallet_id": wallet_id})
        return [_wallet(*row) for row in cursor.fetchall()]


def _wallet(
    identity: UUID, owner: str, code: str, available_id: UUID, held_id: UUID, *rest: Any
) -> Wallet:
    available, held, version, created_at = rest
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
    )
