"""What a wallet is. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.money import Currency, Money

__all__ = ["Wallet"]


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
