"""Reads of wallets. Another owner's wallet looks as if it were not there."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tallystick import ledger
from tallystick.db import Connection
from tallystick.ledger import Entry
from tallystick.wallets import store
from tallystick.wallets.errors import PayeeNotFound, PayerNotFound, TransferNotFound, WalletNotFound
from tallystick.wallets.model import Line, Receipt, Wallet

__all__ = ["entries", "get", "history", "of_ids", "of_owner", "payee", "payer", "receipt"]


def get(conn: Connection, *, wallet_id: UUID, owner: str) -> Wallet:
    """Return a wallet of this owner; raise WalletNotFound for any other."""
    found = store.read(conn, owner=owner, wallet_id=wallet_id)
    if not found:
        raise WalletNotFound(wallet_id)
    return found[0]


def of_owner(conn: Connection, *, owner: str) -> list[Wallet]:
    """Return all wallets of an owner, oldest first."""
    return store.read(conn, owner=owner)


def of_ids(conn: Connection, *, wallet_ids: Sequence[UUID]) -> dict[UUID, Wallet]:
    """Return those of the wallets that exist, by id: to book to, never to show."""
    return store.of_ids(conn, wallet_ids)


def entries(
    conn: Connection, *, wallet: Wallet, limit: int = 50, before_version: int | None = None
) -> list[Entry]:
    """Return the newest entries of what the wallet may spend, newest first."""
    account = ledger.account(conn, account_id=wallet.available_id)
    return ledger.entries(conn, account=account, limit=limit, before_version=before_version)


def history(
    conn: Connection, *, wallet: Wallet, limit: int = 50, before_version: int | None = None
) -> list[Line]:
    """Return the newest entries with whose wallet is on the other side, newest first."""
    found = entries(conn, wallet=wallet, limit=limit, before_version=before_version)
    sides = store.other_sides(
        conn, account_id=wallet.available_id, transfers=[entry.transfer_id for entry in found]
    )
    return [Line(entry, *sides.get(entry.transfer_id, (None, None))) for entry in found]


def payer(conn: Connection, *, wallet_id: UUID, owner: str) -> Wallet:
    """Return a wallet of this owner, to send from; raise PayerNotFound for any other."""
    found = store.read(conn, owner=owner, wallet_id=wallet_id)
    if not found:
        raise PayerNotFound(wallet_id)
    return found[0]


def payee(conn: Connection, *, wallet_id: UUID) -> Wallet:
    """Return the wallet of anybody's, to send to; raise PayeeNotFound. Show nothing of it."""
    found = store.of_ids(conn, [wallet_id]).get(wallet_id)
    if found is None:
        raise PayeeNotFound(wallet_id)
    return found


def receipt(conn: Connection, *, transfer_id: UUID, owner: str) -> Receipt:
    """Return a transfer as its payer or payee sees it; raise TransferNotFound to any other."""
    found = store.receipt(conn, transfer_id=transfer_id, owner=owner)
    if found is None:
        raise TransferNotFound(transfer_id)
    return found
