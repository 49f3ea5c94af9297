"""What the ledger is made of: accounts, moves, deeds, outcomes, transfers, entries. No I/O.

Accounts, transfers and what was posted are named tuples: they are made by the thousand, and a
frozen dataclass takes several times as long to make.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from tallystick import idempotency
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.money import Currency, Money

__all__ = [
    "Account",
    "AccountPlan",
    "Breach",
    "Condition",
    "Deed",
    "Entry",
    "Move",
    "Note",
    "Once",
    "Original",
    "Outcome",
    "Part",
    "Posted",
    "Refused",
    "Replayed",
    "Transfer",
]


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account as the chart names it, to be opened or found."""

    path: str
    currency: Currency
    #: Least balance in minor units; None for accounts that may fall without end.
    floor: int | None
    #: Greatest balance in minor units; None for accounts that may rise without end.
    ceiling: int | None = None


class Account(NamedTuple):
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
    #: Minor units that its next credits pay back first, and the account that they go to.
    owes: int = 0
    receivable_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """An intended movement: from debit to credit, minor units above 0."""

    debit_id: UUID
    credit_id: UUID
    amount: Money
    kind: str
    #: The transfer that this one undoes, if it undoes one.
    reverses: UUID | None = None
    #: A claim that is never refused for want of cover: what the debited account does not cover is
    #: taken from its receivable, and its next credits pay that back. Nobody else uses the account.
    beyond_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of an account when the deed's turn comes, before it moves anything."""

    account_id: UUID
    #: The account has exactly so many entries: nothing happened since the caller looked.
    if_version: int | None = None
    #: The account holds so many minor units or more.
    min_balance: int | None = None


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

    def decide(self, rows: Mapping[UUID, Any], now: datetime) -> Mapping[UUID, Any] | None:
        """Return the rows that the deed changes, as it leaves them; do no I/O.

        Later deeds of the batch see them, if this one is accepted. Raises a TallystickError
        where the deed must not happen.
        """
        ...

    def write(
        self, conn: Connection, rows: Mapping[UUID, Any], done: Sequence[tuple[Any, Posted]]
    ) -> None:
        """Write what follows from all the batch's deeds with a part of this rank, at once.

        `rows` are the locked ones as the batch leaves them; `done` pairs each part, this one
        among them, with what its deed did.
        """
        ...


@dataclass(frozen=True, slots=True)
class Once:
    """The key under which a deed happens once, and what its replays get."""

    claim: idempotency.Claim
    #: Returns what is kept of how the deed ended, so that replays get it; None where nothing is:
    #: then the key is free again. It does no I/O.
    answer: Callable[[Posted | Refused], idempotency.Outcome | None]


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
    conditions: tuple[Condition, ...] = ()
    #: Free text of the actor's; it is kept beside the books and can be erased.
    note: str = ""
    #: The caller's key, where a second call with it must find what the first one did.
    once: Once | None = None


class Transfer(NamedTuple):
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
class Original:
    """A transfer that somebody wants undone, and whether it can be."""

    id: UUID
    debit_id: UUID
    credit_id: UUID
    amount: int
    #: Whether a reversal of it is booked.
    is_reversed: bool
    #: Whether it undoes another transfer itself.
    is_reversal: bool


class Posted(NamedTuple):
    """What a deed did: its transfers, and the accounts as they stand after it."""

    deed: Deed
    transfers: tuple[Transfer, ...]
    accounts: Mapping[UUID, Account]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a deed did not happen; it left no trace but what its key keeps."""

    deed: Deed
    error: TallystickError


@dataclass(frozen=True, slots=True)
class Replayed:
    """A deed whose key stands for an earlier one: nothing happened again."""

    deed: Deed
    #: What was kept of the earlier one.
    answer: idempotency.Outcome


Outcome = Posted | Refused | Replayed


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


@dataclass(frozen=True, slots=True)
class Note:
    """Free text about a posting or an account; empty where it was erased."""

    id: UUID
    posting_id: UUID | None
    account_id: UUID | None
    kind: str
    actor: str
    body: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Breach:
    """An invariant that does not hold: where, and by how much."""

    invariant: str
    where: str
    #: Minor units, or entries, by which it is missed.
    difference: int
