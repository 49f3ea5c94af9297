"""What payments, refunds, disputes and reviews are: states, steps, attempts. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tallystick.money import Money

__all__ = [
    "TERMINAL",
    "Attempt",
    "Change",
    "Collection",
    "CollectionKind",
    "Crossing",
    "Dispute",
    "DisputeState",
    "Names",
    "News",
    "NewsKind",
    "Origin",
    "Payment",
    "PaymentState",
    "Reason",
    "Refund",
    "Review",
    "Standing",
    "Step",
]


class PaymentState(StrEnum):
    """Where a payment stands."""

    AWAITING_APPROVAL = "awaiting_approval"  #: a second person must agree
    CREATED = "created"  #: kept; its job will call the provider
    SENDING = "sending"  #: a run holds the attempt and calls
    SUBMITTED = "submitted"  #: the provider has it; the person may have to act
    UNKNOWN = "unknown"  #: we do not know what became of the call
    REVIEW = "review"  #: a person must find out
    SETTLED = "settled"  #: the money is in the wallet
    FAILED = "failed"  #: the provider refused
    EXPIRED = "expired"  #: nothing was sent in time, or the provider's offer ran out
    CANCELLED = "cancelled"  #: taken back before anything was sent
    DECLINED = "declined"  #: the second person said no


TERMINAL = frozenset(
    {
        PaymentState.SETTLED,
        PaymentState.FAILED,
        PaymentState.EXPIRED,
        PaymentState.CANCELLED,
        PaymentState.DECLINED,
    }
)


@dataclass(frozen=True, slots=True)
class Payment:
    """An attempt to bring money into a wallet, as last committed."""

    id: UUID
    owner: str
    wallet_id: UUID
    amount: Money
    provider: str
    state: PaymentState
    #: The provider's id of the object we look at.
    reference: str | None
    #: Where the person goes on, while the payment is submitted.
    action_url: str | None
    #: The last refusal: a stable code, and a sentence for the person.
    failure_code: str | None
    failure_detail: str | None
    posting_id: UUID | None
    request_id: str
    #: SHA-256 of what was asked.
    fingerprint: bytes
    #: Past it nothing is sent any more.
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None
    #: The provider's id of the money it took: refunds and disputes name it.
    collected_reference: str | None
    #: What went back or is on its way back; with disputes it may be more than the payment.
    refunded: Money
    #: Since when the provider's word is awaited, and when the janitor looks next.
    waiting_since: datetime | None
    look_at: datetime | None

    @property
    def is_terminal(self) -> bool:
        """Return whether the payment will never move again."""
        return self.state in TERMINAL

    @property
    def is_paid(self) -> bool:
        """Return whether its money reached the wallet, in time or late: it can be refunded."""
        return self.state is PaymentState.SETTLED or self.collected_reference is not None

    @property
    def names(self) -> tuple[UUID, None]:
        """Return the ids of the payment and of no refund of it."""
        return self.id, None

    @property
    def left(self) -> Money:
        """Return what may still be refunded: nothing or more."""
        return Money(max(0, self.amount.minor - self.refunded.minor), self.amount.currency)


class Origin(StrEnum):
    """Who started a refund."""

    OURS = "ours"  #: asked for here: the money is held first
    PROVIDER = "provider"  #: made at the provider without us: booked as it is


class Reason(StrEnum):
    """Why a payment is refunded, as codes that providers know."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money of a payment that goes back to who paid it, as last committed."""

    id: UUID
    payment_id: UUID
    amount: Money
    provider: str
    origin: Origin
    state: PaymentState
    reason: Reason
    #: Who started it, as `person:…`, or `provider:stripe`.
    actor: str
    #: Whose key it has, and what was asked under it.
    caller: str
    key: str
    fingerprint: bytes
    request_id: str
    #: Past it nothing is sent any more.
    expires_at: datetime
    created_at: datetime
    updated_at: datetime
    #: The provider's id of it.
    reference: str | None = None
    failure_code: str | None = None
    failure_detail: str | None = None
    #: The postings that set the money aside, took it out of the wallet, or gave it back.
    held_posting_id: UUID | None = None
    posting_id: UUID | None = None
    released_posting_id: UUID | None = None
    #: Whether it was taken from suspense and not from the wallet: it comes back there.
    is_suspended: bool = False
    settled_at: datetime | None = None
    #: Since when the provider's word is awaited, and when the janitor looks next.
    waiting_since: datetime | None = None
    look_at: datetime | None = None

    @property
    def is_terminal(self) -> bool:
        """Return whether the refund will never move again."""
        return self.state in TERMINAL

    @property
    def names(self) -> tuple[UUID, UUID]:
        """Return the ids of its payment and of itself."""
        return self.payment_id, self.id


#: What crosses our wall, one way or the other, along the same states.
Crossing = Payment | Refund
#: The ids of a payment and of the refund of it that is meant, if any.
Names = tuple[UUID, UUID | None]


@dataclass(frozen=True, slots=True)
class Change:
    """A payment or refund under its lock as it is to stand, with the step that brought it there.

    One that neither moves nor has a note makes no step.
    """

    after: Crossing
    #: Where it stood; `none` for its beginning.
    before: str
    note: str = ""


class DisputeState(StrEnum):
    """Where a dispute stands, as the provider says."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Dispute:
    """Who paid asks the bank for the money back."""

    id: UUID
    payment_id: UUID
    provider: str
    reference: str
    amount: Money
    #: The provider's code for why.
    reason: str
    state: DisputeState
    #: The postings that took the money and gave it back.
    withdrawn_posting_id: UUID | None
    reinstated_posting_id: UUID | None
    #: The provider's clock.
    opened_at: datetime
    closed_at: datetime | None
    created_at: datetime
    #: Whether it was taken from suspense and not from the wallet: it comes back there.
    is_suspended: bool = False


class CollectionKind(StrEnum):
    """How money that a provider took stands to the payment that it came for."""

    SETTLED = "settled"  #: it settled the payment: in the wallet
    LATE = "late"  #: after the payment had ended: in the wallet, beside it
    TWICE = "twice"  #: a second time for one payment: in suspense
    OTHER_AMOUNT = "other_amount"  #: other than asked: in suspense
    UNCLAIMED = "unclaimed"  #: for a payment that is not here: in suspense
    UNBOOKABLE = "unbookable"  #: into a wallet that takes nothing: in suspense


@dataclass(frozen=True, slots=True)
class Collection:
    """Money that a provider took for us, booked once."""

    id: UUID
    #: None where there is no such payment here.
    payment_id: UUID | None
    provider: str
    #: The provider's id of what was paid, and of the money itself, by which others name it.
    reference: str
    collected_reference: str | None
    kind: CollectionKind
    amount: Money
    #: Whether it waits in suspense: what takes it back takes it from there.
    is_suspended: bool
    posting_id: UUID
    #: The provider's clock, and ours.
    occurred_at: datetime
    created_at: datetime


class NewsKind(StrEnum):
    """What became of a refund after or beside what we asked for."""

    REFUND_LATE = "refund_late"  #: made after it had ended here: out of the wallet
    REFUND_RETURNED = "refund_returned"  #: it came back: to where it was taken from
    REFUND_OTHER_AMOUNT = "refund_other_amount"  #: other than asked: out of suspense
    REFUND_UNCLAIMED = "refund_unclaimed"  #: of money without a payment: out of suspense


@dataclass(frozen=True, slots=True)
class News:
    """One such deed of a provider's, booked with a posting of its own."""

    id: UUID
    #: None where there is no such payment here.
    payment_id: UUID | None
    provider: str
    kind: NewsKind
    #: The provider's id of the object that it happened to: a fact is booked once.
    reference: str
    amount: Money
    posting_id: UUID
    #: The provider's clock, and ours.
    occurred_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Review:
    """A question about money that a person must answer."""

    id: UUID
    kind: str
    #: What it is about: an id of ours or of the provider's. One review a kind and subject.
    subject: str
    payment_id: UUID | None
    provider: str
    question: str
    opened_at: datetime
    resolved_at: datetime | None = None
    resolved_by: str | None = None
    #: What the person answered.
    reason: str | None = None

    @property
    def is_open(self) -> bool:
        """Return whether nobody has answered yet."""
        return self.resolved_at is None


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment under its lock, with all that moves under the same lock."""

    payment: Payment
    refunds: Mapping[UUID, Refund]
    #: By the provider's reference.
    disputes: Mapping[str, Dispute]
    #: What was booked of its refunds beside them, by kind and reference.
    news: frozenset[tuple[NewsKind, str]]
    #: The money that came for it, by the provider's reference.
    collections: Mapping[str, Collection]


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a payment or of a refund of it, or news about it."""

    state: PaymentState
    note: str
    at: datetime
    #: The refund that moved; None where the payment itself did.
    refund_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a provider, written before it is made; only its run may call."""

    id: UUID
    payment_id: UUID
    number: int
    #: The idempotency key that the provider gets: the same for every attempt of one crossing.
    provider_key: str
    #: Past it an attempt without an outcome is unknown (raw database clock).
    deadline_at: datetime
    #: The refund that it serves; None where it serves the payment itself.
    refund_id: UUID | None
