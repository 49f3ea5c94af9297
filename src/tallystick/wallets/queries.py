"""Reads of wallets. Another owner's wallet looks as if it were not there."""

from __future__ import annotations

from uuid import UUID

from tallystick import ledger
from tallystick.db import Connection
from tallystick.ledger import Entry
from tallystick.wallets import store
from tallystick.wallets.errors import WalletNotFound
from tallystick.wallets.model import Wallet

__all__ = ["entries", "get", "of_owner"]


def get(conn: Connection, *, wallet_id: UUID, owner: str) -> Wallet:
    """Return a wallet of this owner; raise WalletNotFound for any other."""
    found = store.read(conn, owner=owner, wallet_id=wallet_id)
    if not found:
        raise WalletNotFound(wallet_id)
    return found[0]


def of_owner(conn: Connection, *, owner: str) -> list[Wallet]:
    """Return all wallets of an owner, oldest first."""
    return store.read(conn, owner=owner)


def entries(
    conn: Connection, *, wallet: Wallet, limit: int = 50, before_version: int | None = None
) -> list[Entry]:
    """Return the newest entries of what the wallet may spend, newest first."""
    account = ledger.account(conn, account_id=wallet.available_id)
    return ledger.entries(conn, account=account, limit=limit, before_version=before_version)
