"""Wallets, with sane defaults."""

from __future__ import annotations

from factories.ledger import KES, NOW, fund
from tallystick import ids, wallets
from tallystick.db import Connection
from tallystick.wallets import Wallet


def wallet(conn: Connection, *, minor: int = 0, owner: str | None = None) -> Wallet:
    """Open a wallet, a new person's unless told, with so much in it."""
    holder = owner or f"person:{ids.new()}"
    opened = wallets.open_wallet(conn, owner=holder, currency=KES, now=NOW)
    if minor:
        fund(conn, opened.available_id, minor)
    return wallets.get(conn, wallet_id=opened.id, owner=holder)
