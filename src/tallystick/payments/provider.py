"""The protocol that every provider speaks, and what can come back. No I/O of its own.

A provider is one folder that implements `Provider`; payments know none by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tallystick.money import Money
from tallystick.payments.model import Attempt, DisputeState, Payment, Reason, Refund
from tallystick.webhooks import Event, Source, Verifier

__all__ = [
    "Accepted",
    "AmountRange",
    "CallRefused",
    "CallUnknown",
    "Capabilities",
    "Declined",
    "DisputeReported",
    "Expired",
    "Fact",
    "Operation",
    "Paid",
    "Provider",
    "RefundReported",
    "RefundStatus",
]


class Operation(StrEnum):
    """What a provider is asked to do; each has its own breaker."""

    COLLECT = "collect"
    REFUND = "refund"
    LOOK_UP = "look_up"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class AmountRange:
    """The least and the greatest amount of one currency, in our minor units."""

    least: int
    greatest: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as plain facts."""

    #: What it takes of each currency, by code, to bring money in; nothing where it cannot.
    collect: Mapping[str, AmountRange]
    #: The same for sending money out.
    pay_out: Mapping[str, AmountRange]
    #: Whether it gives back what it collected, whole or in parts.
    refund: bool
    #: Seconds that a call may wait in our queue before nothing is sent any more.
    queue_for_s: Mapping[Operation, int]
    #: Seconds after which a call without an answer is unknown.
    deadline_s: int
    #: Whether a call may be repeated with its key, and for how many seconds the key lives.
    resend_same_key: bool
    key_life_s: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took the payment: its reference, and where the person goes on."""

    reference: str
    action_url: str | None


class CallRefused(Exception):
    """The provider said no for good: a stable code and a sentence for the person."""

    def __init__(self, code: str, sentence: str) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class CallUnknown(Exception):
    """Nobody knows what became of the call: a timeout, a cut line, a 5xx.

    `retry_after_s` is set where the provider said when to come again.
    """

    def __init__(self, trouble: str, *, retry_after_s: int | None = None) -> None:
        """Keep what went wrong, for the log."""
        super().__init__(trouble)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Paid:
    """The person paid; the provider holds the money for us."""

    payment_id: str
    reference: str
    amount: Money
    occurred_at: datetime
    #: The provider's id of the money, by which refunds and disputes name it.
    collected_reference: str | None = None


@dataclass(frozen=True, slots=True)
class Declined:
    """A card was refused; the person may try another."""

    payment_id: str
    code: str
    sentence: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Expired:
    """The provider's offer ran out unpaid."""

    payment_id: str
    reference: str
    occurred_at: datetime


class RefundStatus(StrEnum):
    """How far a provider is with a refund."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RefundReported:
    """A refund as the provider has it: the answer to our call, or news of it."""

    #: Our refund's shown id; None where it was made without us.
    refund_id: str | None
    reference: str
    collected_reference: str
    amount: Money
    status: RefundStatus
    occurred_at: datetime
    reason: Reason = Reason.OTHER
    #: Why it failed: a stable code and a sentence.
    code: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class DisputeReported:
    """A dispute as the provider has it."""

    reference: str
    collected_reference: str
    amount: Money
    reason: str
    state: DisputeState
    #: Whether its money was taken from us, and whether it was given back.
    is_withdrawn: bool
    is_reinstated: bool
    #: What the provider charged for it, and what it gave back of that: nothing or more.
    fee: Money
    fee_returned: Money
    opened_at: datetime
    occurred_at: datetime


Fact = Paid | Declined | Expired | RefundReported | DisputeReported


class Provider(Verifier, Source, Protocol):
    """A way for money across our wall.

    Every method but `interpret` and `read` calls the provider, within `deadline_s`, raises
    CallUnknown where nobody knows what became of it, and is called with no transaction open.
    """

    @property
    def name(self) -> str:
        """Return its short name, as it stands in the chart, in URLs and in rows."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""
        ...

    def collect(self, payment: Payment, *, attempt: Attempt) -> Accepted:
        """Ask for the payment under the attempt's key; raise CallRefused or CallUnknown."""
        ...

    def refund(self, refund: Refund, payment: Payment, *, attempt: Attempt) -> RefundReported:
        """Ask for the refund under the attempt's key; raise CallRefused or CallUnknown."""
        ...

    def look_up(self, payment: Payment) -> Paid | Expired | Accepted | None:
        """Return how a payment stands there, confirmed: Accepted while it waits for the person.

        None where it is not found, which says nothing about what became of it.
        """
        ...

    def look_up_refund(self, refund: Refund, payment: Payment) -> RefundReported | None:
        """Return how a refund of ours stands there; None where it is not found."""
        ...

    def trace(self, collected_reference: str) -> str | None:
        """Return the shown id of our payment that this money belongs to; None where none does."""
        ...

    def interpret(self, event: Event) -> Fact | None:
        """Return what an event says about us; None where it says nothing. It calls nobody."""
        ...
