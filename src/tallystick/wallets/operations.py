"""The verbs that write wallets, inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from tallystick import chart, db, ids, ledger
from tallystick.db import Connection
from tallystick.money import Currency
from tallystick.wallets import rules, store
from tallystick.wallets.model import Wallet

__all__ = ["open_wallet"]


def open_wallet(conn: Connection, *, owner: str, currency: Currency, now: datetime) -> Wallet:
    """Open the owner's wallet in this currency and return it; a second call returns the first's.

    Two calls at once open one wallet: the loser's empty accounts are never used. Raises
    OwnerMalformed, and TransactionRequired, before any write, outside a READ COMMITTED
    transaction.
    """
    rules.check_owner(owner)
    db.require_transaction(conn)
    existing = _in(store.read(conn, owner=owner), currency)
    if existing is not None:
        return existing
    wallet_id = ids.new()
    available_id, held_id = ledger.open_accounts(
        conn,
        [chart.wallet_available(wallet_id, currency), chart.wallet_held(wallet_id, currency)],
    )
    store.insert(
        conn,
        wallet_id=wallet_id,
        owner=owner,
        currency=currency,
        available_id=available_id,
        held_id=held_id,
        now=now,
    )
    opened = _in(store.read(conn, owner=owner), currency)
    assert opened is not None
    return opened


def _in(wallets: list[Wallet], currency: Currency) -> Wallet | None:
    return next((wallet for wallet in wallets if wallet.currency == currency), None)
