"""What a payment is: its states, steps and attempts. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tallystick.money import Money

__all__ = ["TERMINAL", "Attempt", "Payment", "PaymentState", "Step"]


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

    @property
    def is_terminal(self) -> bool:
        """Return whether the payment will never move again."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a payment, or news about it."""

    state: PaymentState
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a provider, written before it is made; only its run may call."""

    id: UUID
    payment_id: UUID
    number: int
    #: The idempotency key that the provider gets: the same for every attempt of a payment.
    provider_key: str
    #: Past it an attempt without an outcome is unknown (raw database clock).
    deadline_at: datetime
