"""Wallets and their entries, as they go over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from tallystick import ids
from tallystick.wallets import Line, Wallet
from tallystick.web.api.schemas.forms import Code, MoneyOut, Owner, Strict

__all__ = ["EntriesOut", "EntryOut", "WalletIn", "WalletOut", "WalletsOut"]


class WalletIn(Strict):
    """What a caller asks: a wallet in this currency."""

    currency: Code
    owner: Owner | None = None


class WalletOut(Strict):
    """A wallet of the owner's."""

    id: str
    currency: str
    available: MoneyOut
    held: MoneyOut
    owes: MoneyOut
    version: int
    created_at: datetime

    @classmethod
    def of(cls, wallet: Wallet) -> Self:
        """Return the wire form."""
        return cls(
            id=ids.show("wal", wallet.id),
            currency=wallet.currency.code,
            available=MoneyOut.of(wallet.available),
            held=MoneyOut.of(wallet.held),
            owes=MoneyOut.of(wallet.owes),
            version=wallet.version,
            created_at=wallet.created_at,
        )


class WalletsOut(Strict):
    """A part of the caller's wallets, and the cursor of the next, null at the end."""

    items: list[WalletOut]
    next: str | None


class EntryOut(Strict):
    """One side of a transfer, with the balance after it."""

    version: int
    amount: int
    balance: int
    kind: str
    transfer: str
    note: str | None
    occurred_at: datetime
    created_at: datetime

    @classmethod
    def of(cls, line: Line) -> Self:
        """Return the wire form."""
        entry = line.entry
        return cls(
            version=entry.version,
            amount=entry.amount.minor,
            balance=entry.balance.minor,
            kind=entry.kind,
            transfer=ids.show("tra", entry.transfer_id),
            note=line.note,
            occurred_at=entry.occurred_at,
            created_at=entry.created_at,
        )


class EntriesOut(Strict):
    """A page of a wallet's entries, newest first; amounts in minor units of its currency."""

    currency: str
    items: list[EntryOut]
    next: str | None
