"""The protocol that every provider speaks, and what can come back. No I/O of its own.

A provider is one folder that implements `Provider`; payments know none by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tallystick.money import Money
from tallystick.payments.model import Payment
from tallystick.webhooks import Event, Source, Verifier

__all__ = [
    "Accepted",
    "AmountRange",
    "CallRefused",
    "CallUnknown",
    "Capabilities",
    "Declined",
    "Expired",
    "Fact",
    "Paid",
    "Provider",
]


@dataclass(frozen=True, slots=True)
class AmountRange:
    """The least and the greatest amount of one currency, in our minor units."""

    least: int
    greatest: int


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, as plain facts."""

    #: Currencies by code, with what it takes of each.
    collects: Mapping[str, AmountRange]
    #: Seconds that a payment may wait in our queue before nothing is sent any more.
    queue_for_s: int
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
    """Nobody knows what became of the call: a timeout, a cut line, a 5xx."""


@dataclass(frozen=True, slots=True)
class Paid:
    """The person paid; the provider holds the money for us."""

    payment_id: str
    reference: str
    amount: Money
    occurred_at: datetime


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


Fact = Paid | Declined | Expired


class Provider(Verifier, Source, Protocol):
    """A way for money across our wall."""

    @property
    def name(self) -> str:
        """Return its short name, as it stands in the chart, in URLs and in rows."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """Return what it can do."""
        ...

    def collect(self, payment: Payment, *, key: str) -> Accepted:
        """Ask for the payment under our idempotency key.

        Raises CallRefused or CallUnknown. No transaction is open.
        """
        ...

    def interpret(self, event: Event) -> Fact | None:
        """Return what an event says about one of our payments; None where it says nothing."""
        ...
