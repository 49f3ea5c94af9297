"""Wallets: what an owner holds in one currency, as two accounts of the ledger.

An owner is an opaque string, as `person:<id>`. The room moves no money on its own: deeds do.
"""

from __future__ import annotations

from tallystick.wallets.errors import OwnerMalformed, WalletError, WalletNotFound
from tallystick.wallets.model import Wallet
from tallystick.wallets.operations import open_wallet
from tallystick.wallets.queries import entries, get, of_owner

__all__ = [
    "OwnerMalformed",
    "Wallet",
    "WalletError",
    "WalletNotFound",
    "entries",
    "get",
    "of_owner",
    "open_wallet",
]
