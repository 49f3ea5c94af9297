"""What a wallet is, and what people see of its transfers. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.ledger import Entry
from tallystick.money import Currency, Money

__all__ = ["Line", "Receipt", "Transferred", "Wallet"]


@dataclass(frozen=True, slots=True)
class Wallet:
    """An owner's money in one currency, as last committed."""

    id: UUID
    owner: str
    currency: Currency
    #: The accounts behind it.
    available_id: UUID
    held_id: UUID
    #: What may be spent.
    available: Money
    #: What is set aside by holds.
    held: Money
    #: Entries of the available account so far: the order of its history.
    version: int
    created_at: datetime
    #: What its owner owes: the next money that comes in pays it first. Nothing or more.
    owes: Money


@dataclass(frozen=True, slots=True)
class Transferred:
    """What a transfer did, as its payer may know it: nothing of the other wallet."""

    id: UUID
    posting_id: UUID
    amount: Money
    from_wallet: UUID
    #: The payer's own wallet after it.
    balance: Money
    version: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a wallet with what people want to know of it."""

    entry: Entry
    #: Whose wallet is on the other side; None where the other side is no wallet.
    other_owner: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transfer between two wallets as one of its owners sees it."""

    id: UUID
    amount: Money
    payer: str
    payee: str
    note: str | None
    #: The reader's own wallet, and its balance and version right after the transfer.
    wallet_id: UUID
    balance: Money
    version: int
    #: The world's clock, and ours: they differ where a transfer was booked later.
    occurred_at: datetime
    created_at: datetime
