"""Wallets: what an owner holds in one currency, as two accounts of the ledger.

An owner is an opaque string, as `person:<id>`. Money moves between wallets by one deed, in the
caller's transaction; another owner's wallet looks as if it were not there.
"""

from __future__ import annotations

from tallystick.wallets.errors import (
    NoCover,
    NoteMalformed,
    OwnerMalformed,
    PayeeNotFound,
    PayeeUnavailable,
    PayerNotFound,
    SelfTransfer,
    TransferNotFound,
    WalletError,
    WalletNotFound,
)
from tallystick.wallets.model import Line, Receipt, Transferred, Wallet
from tallystick.wallets.operations import open_wallet
from tallystick.wallets.queries import entries, get, history, of_ids, of_owner, payee, receipt
from tallystick.wallets.rules import NOTE_MAX, readable_note
from tallystick.wallets.transfers import Intent, intend, transfer

__all__ = [
    "NOTE_MAX",
    "Intent",
    "Line",
    "NoCover",
    "NoteMalformed",
    "OwnerMalformed",
    "PayeeNotFound",
    "PayeeUnavailable",
    "PayerNotFound",
    "Receipt",
    "SelfTransfer",
    "TransferNotFound",
    "Transferred",
    "Wallet",
    "WalletError",
    "WalletNotFound",
    "entries",
    "get",
    "history",
    "intend",
    "of_ids",
    "of_owner",
    "open_wallet",
    "payee",
    "readable_note",
    "receipt",
    "transfer",
]
