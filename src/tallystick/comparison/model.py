"""What a provider told, what our books say of it, and how they differ. No I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from tallystick.money import Money

__all__ = [
    "Booking",
    "Books",
    "Comparison",
    "Difference",
    "Kind",
    "Posted",
    "Story",
    "Sum",
    "Told",
    "Trouble",
]


class Kind(StrEnum):
    """What crossed our wall."""

    CHARGE = "charge"
    REFUND = "refund"
    DISPUTE = "dispute"


class Trouble(StrEnum):
    """How the two differ."""

    NOT_BOOKED = "not_booked"  #: the provider did it; the books do not have it
    UNKNOWN_THERE = "unknown_there"  #: the books have it; the provider knows no such object
    NOT_DONE = "not_done"  #: the books have it; the provider has not done it
    BOOKED_TWICE = "booked_twice"  #: the books have it more often than it happened
    DONE_TWICE = "done_twice"  #: the provider did more than once what we want once
    OTHER_AMOUNT = "other_amount"  #: another amount, fee or currency
    OTHER_PAYMENT = "other_payment"  #: booked for another payment than the provider names
    NO_POSTING = "no_posting"  #: it has a row, and no money moved in the ledger
    OTHER_POSTING = "other_posting"  #: its posting moved another amount than its row says
    NO_REASON = "no_reason"  #: a posting moved the provider's money, and no row says why
    OTHER_SUM = "other_sum"  #: what the provider holds for us, all in all


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one of the provider's objects."""

    kind: Kind
    #: By which the books know it: of a charge its session.
    reference: str
    #: Our shown id of the payment that it names.
    payment: str
    currency: str
    #: How it may be booked: minor units of ours, below 0 where they left, sorted. All ways have
    #: one sum. A refund that failed is none at all, or out and back.
    ways: tuple[tuple[int, ...], ...]
    #: What the provider kept for it beside the amount, in minor units.
    fee: int = 0
    #: What we want once: the refund of ours that it names; empty where it names none.
    order: str = ""

    @property
    def net(self) -> int:
        """Return the minor units that it added to what the provider holds for us."""
        return sum(self.ways[0]) - self.fee


@dataclass(frozen=True, slots=True)
class Story:
    """All that a provider told, with what is no business of ours."""

    told: Sequence[Told]
    #: How many objects of a kind have no reference of ours.
    others: Mapping[Kind, int]
    #: How many webhooks the provider has still to deliver.
    webhooks_owed: int


@dataclass(frozen=True, slots=True)
class Booking:
    """A row of our books about one of the provider's objects."""

    kind: Kind
    reference: str
    #: What it is, as `settled` or `late`.
    word: str
    payment_id: UUID | None
    #: Below 0 where money left.
    amount: Money
    posting_id: UUID


@dataclass(frozen=True, slots=True)
class Posted:
    """What one posting added to what the provider holds for us, in minor units."""

    posting_id: UUID
    currency: str
    net: int
    #: What of that the provider kept for its work.
    fee: int


@dataclass(frozen=True, slots=True)
class Books:
    """What our books say of one provider, read at one moment."""

    bookings: Sequence[Booking]
    #: All postings that touch its clearing accounts.
    postings: Sequence[Posted]
    #: What it holds for us by its clearing accounts' balances, in minor units by currency.
    held: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that does not fit."""

    trouble: Trouble
    #: What it is about: a provider's id, one of ours, or a currency.
    about: str
    provider: str
    books: str


@dataclass(frozen=True, slots=True)
class Sum:
    """What the provider holds for us in a currency, by both, in minor units."""

    currency: str
    provider: int
    books: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and what did not fit."""

    #: How many objects of each kind the provider told of.
    compared: Mapping[Kind, int]
    bookings: int
    postings: int
    sums: Sequence[Sum]
    others: Mapping[Kind, int]
    webhooks_owed: int
    differences: Sequence[Difference]
