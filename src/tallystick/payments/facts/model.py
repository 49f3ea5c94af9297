"""What follows from a fact: moves of money, and what is written with them. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick import ids
from tallystick.errors import TallystickError
from tallystick.ledger import Move
from tallystick.money import Money
from tallystick.payments import rules
from tallystick.payments.model import (
    Change,
    Collection,
    CollectionKind,
    Crossing,
    Dispute,
    News,
    NewsKind,
    Payment,
    PaymentState,
    Refund,
    Review,
    Standing,
)
from tallystick.payments.provider import Fact, Paid, RefundReported

__all__ = [
    "ASK",
    "NOTHING",
    "Booked",
    "Effects",
    "MustAsk",
    "Places",
    "Plan",
    "Report",
    "Result",
    "Scene",
    "Separately",
    "Stranger",
    "along",
    "refunded",
]

_NOTE_MAX: Final = 500


class Separately(TallystickError):
    """One of the facts needs a transaction of its own: nothing of the batch was done."""

    code = "payment_fact_alone"


@dataclass(frozen=True, slots=True)
class Booked:
    """What the fact says stands in the books."""

    #: Whether it was not there before.
    is_new: bool = field(default=True, compare=False)


@dataclass(frozen=True, slots=True)
class MustAsk:
    """The fact does not fit: its provider must be asked before it is booked."""

    payment_id: UUID
    refund_id: UUID | None = None
    #: The provider's id of what to ask about, where that is not what the payment names.
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """The fact is about money that no payment here is known to have brought.

    `collected_reference` is what the provider may be asked about; None where that tells nothing.
    """

    collected_reference: str | None


Result = Booked | MustAsk | Stranger | TallystickError


@dataclass(frozen=True, slots=True)
class Report:
    """A fact with where it came from."""

    fact: Fact
    #: The event, or the job, that brought it: the posting names it.
    cause: str
    #: Our clock when it came.
    received_at: datetime
    #: Whether the provider was asked, and said so itself.
    is_confirmed: bool = False
    #: The payment that was asked about, where the fact is an answer.
    payment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Places:
    """The accounts that a payment's money moves between."""

    clearing: UUID
    available: UUID
    held: UUID
    #: Where claims that the wallet does not cover are taken from; None where none is covered.
    receivable: UUID | None
    suspense: UUID
    fees: UUID

    @property
    def closed(self) -> Places:
        """Return the places where the wallet takes and gives nothing: suspense in its stead."""
        return replace(self, available=self.suspense, held=self.suspense, receivable=None)


@dataclass(frozen=True, slots=True)
class Effects:
    """What is written with the money, or without any."""

    changes: Sequence[Change] = ()
    #: Money that came.
    collection: Collection | None = None
    #: A refund that a provider made without us.
    refund: Refund | None = None
    dispute: Dispute | None = None
    news: News | None = None
    review: Review | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from one fact. Without moves no money moves."""

    #: Takes the posting's id and our clock.
    effects: Callable[[UUID, datetime], Effects]
    moves: tuple[Move, ...] = ()
    #: Whether the provider must be asked first whether it is so.
    must_ask: bool = False


NOTHING: Final = Plan(lambda _posting, _at: Effects())
ASK: Final = replace(NOTHING, must_ask=True)


@dataclass(frozen=True, slots=True)
class Scene:
    """A payment under its lock, as a fact meets it."""

    standing: Standing
    places: Places
    #: The provider was asked, and says so itself.
    is_confirmed: bool = False
    #: The wallet refused what was planned first: its money waits in suspense.
    is_closed: bool = False

    @property
    def payment(self) -> Payment:
        """Return the payment."""
        return self.standing.payment

    @property
    def is_suspended(self) -> bool:
        """Return whether suspense stands for the wallet here."""
        return self.places.available == self.places.suspense

    def claim(self, amount: Money, kind: str) -> Move:
        """Return what takes money out of the wallet, covered or not."""
        places = self.places
        return Move(places.available, places.clearing, amount, kind, beyond_id=places.receivable)

    def given_back(self, amount: Money, kind: str, *, is_suspended: bool) -> Move:
        """Return what gives money back to where it was taken from."""
        places = self.places
        target = places.suspense if is_suspended else places.available
        return Move(places.clearing, target, amount, kind)

    def collection(
        self, kind: CollectionKind, fact: Paid, posting: UUID, at: datetime
    ) -> Collection:
        """Return the money as it is kept."""
        return Collection(
            id=ids.new(),
            payment_id=self.payment.id,
            provider=self.payment.provider,
            reference=fact.reference,
            collected_reference=fact.collected_reference,
            kind=kind,
            amount=fact.amount,
            is_suspended=kind not in {CollectionKind.SETTLED, CollectionKind.LATE},
            posting_id=posting,
            occurred_at=fact.occurred_at,
            created_at=at,
        )

    def news(self, kind: NewsKind, fact: RefundReported, posting: UUID, at: datetime) -> News:
        """Return the fact as it is kept beside the refund."""
        return News(
            id=ids.new(),
            payment_id=self.payment.id,
            provider=self.payment.provider,
            kind=kind,
            reference=fact.reference,
            amount=fact.amount,
            posting_id=posting,
            occurred_at=fact.occurred_at,
            created_at=at,
        )

    def review(self, kind: str, reference: str, question: str, at: datetime) -> Review:
        """Return the question that a person must answer."""
        return Review(
            id=ids.new(),
            kind=kind,
            subject=f"{self.payment.provider}:{reference}",
            payment_id=self.payment.id,
            provider=self.payment.provider,
            question=question[:_NOTE_MAX],
            opened_at=at,
        )


def along(
    crossing: Crossing, after: PaymentState, *, now: datetime, note: str = "", **fields: object
) -> list[Change]:
    """Return the moves to a state, over those that we had not recorded yet where need be.

    The fields are set with the last of them. Raises MoveForbidden where no way leads there.
    """
    made: list[Change] = []
    *way, last = rules.path(crossing.state, after)
    for state in way:
        arrived = rules.moved(crossing, state, now=now)
        made.append(Change(arrived, crossing.state.value))
        crossing = arrived
    arrived = replace(rules.moved(crossing, last, now=now), **fields)  # type: ignore[arg-type]
    return [*made, Change(arrived, crossing.state.value, note[:_NOTE_MAX])]


def refunded(
    payment: Payment, amount: Money, at: datetime, *, sign: int = 1, note: str = ""
) -> Change:
    """Return the payment with so much more of it given back, or with sign -1 less.

    What went in another currency is none of it.
    """
    currency = payment.amount.currency
    more = sign * amount.minor if amount.currency == currency else 0
    total = Money(max(0, payment.refunded.minor + more), currency)
    after = replace(payment, refunded=total, updated_at=at)
    return Change(after, payment.state.value, note[:_NOTE_MAX])
