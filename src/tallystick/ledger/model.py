"""What the ledger is made of: accounts, moves, deeds, transfers, entries. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from tallystick.db import Connection
from tallystick.money import Currency, Money

__all__ = ["Account", "AccountPlan", "Deed", "Entry", "Move", "Part", "Posted", "Transfer"]


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account as the chart names it, to be opened or found."""

    path: str
    currency: Currency
    #: Least balance in minor units; None for accounts that may fall without end.
    floor: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account as it stands; under the lock while a deed is decided."""

    id: UUID
    currency: str
    floor: int | None
    ceiling: int | None
    #: Credits less debits, in minor units.
    balance: int
    #: How many entries it has.
    version: int
    last_entry_at: datetime | None
    frozen: bool


@dataclass(frozen=True, slots=True)
class Move:
    """An intended movement: from debit to credit, minor units above 0."""

    debit_id: UUID
    credit_id: UUID
    amount: Money
    kind: str


class Part(Protocol):
    """What must commit with the money: a state that moves under its own lock.

    `execute` locks all parts of a batch, one statement a rank, before it locks accounts.
    """

    @property
    def rank(self) -> int:
        """Return the place of its table in the house's lock order."""
        ...

    @property
    def keys(self) -> tuple[UUID, ...]:
        """Return the identities of the rows that it needs locked."""
        ...

    def lock(self, conn: Connection, keys: tuple[UUID, ...]) -> Mapping[UUID, Any]:
        """Lock the rows in order of their keys and return them."""
        ...

    def decide(self, rows: Mapping[UUID, Any], now: datetime) -> None:
        """Raise a TallystickError where the deed must not happen; do no I/O."""
        ...

    def write(self, conn: Connection, posted: Posted) -> None:
        """Write what follows from the deed."""
        ...


@dataclass(frozen=True, slots=True)
class Deed:
    """A posting with all that must commit with it."""

    id: UUID
    kind: str
    #: Who does it, as `person:…` or `provider:stripe`.
    actor: str
    request_id: str
    occurred_at: datetime
    moves: tuple[Move, ...]
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Transfer:
    """An immutable movement with the balances and versions after it."""

    id: UUID
    posting_id: UUID
    debit_id: UUID
    credit_id: UUID
    amount: int
    kind: str
    debit_balance: int
    credit_balance: int
    debit_version: int
    credit_version: int
    occurred_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Posted:
    """What a deed did: its transfers, and the accounts as they stand after it."""

    deed: Deed
    transfers: tuple[Transfer, ...]
    accounts: Mapping[UUID, Account]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a transfer: signed amount, balance and version after it."""

    account_id: UUID
    version: int
    amount: Money
    balance: Money
    kind: str
    transfer_id: UUID
    posting_id: UUID
    occurred_at: datetime
    created_at: datetime
