"""What became of the demo's payments: told as rows, each along the state table. No I/O.

All of them have the provider `demo`, which no house joins: nobody is asked about them, and the
janitor leaves them alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.database.seeds.cast import CAST, OPERATOR
from tallystick.database.seeds.model import DemoPerson, Movement
from tallystick.money import Currency, Money

__all__ = ["AFTERMATHS", "ASKER", "TALES", "Aftermath", "Beat", "Tale", "fresh", "of_movements"]

_KES: Final = Currency("KES")
#: How long a person needed from the click to the money, in the demo's past.
_PAID_AFTER: Final = timedelta(seconds=48)
#: Who asks for the demo's refunds.
ASKER: Final = OPERATOR.owner
_DECLINED: Final = "The card was declined. Try another one."


@dataclass(frozen=True, slots=True)
class Beat:
    """One step: where a payment went, so many seconds after it was asked for."""

    state: str
    after_s: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tale:
    """A payment of the demo, and its way."""

    person: DemoPerson
    amount: Money
    begun_at: datetime
    beats: tuple[Beat, ...]
    #: The posting that brought its money; None where none came.
    posting_id: UUID | None = None
    failure: tuple[str, str] | None = None
    question: str = ""

    @property
    def state(self) -> str:
        """Return where it stands."""
        return self.beats[-1].state

    @property
    def ended_at(self) -> datetime:
        """Return when it moved last."""
        return self.begun_at + timedelta(seconds=self.beats[-1].after_s)


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What happened to one of today's top-ups after it had come."""

    handle: str
    #: Shillings that came, and that went back or were to go back.
    brought: int
    returned: int
    #: Minutes ago that it came, and that this happened.
    came_ago: float
    ago: float
    #: The state of the refund, or `dispute`.
    what: str
    note: str = ""


#: They end before anybody looks, and after the economy's last movement.
AFTERMATHS: Final = (
    Aftermath("amina", 2_000, 500, 6.5, 5.5, "settled"),
    Aftermath("njoki", 3_000, 800, 6.2, 5.2, "failed", "The card that paid was reported lost."),
    Aftermath("brian", 2_500, 1_000, 6.0, 4.8, "submitted"),
    Aftermath("mama_achieng", 1_500, 1_500, 5.8, 4.0, "dispute", "fraudulent"),
)

_SENT: Final = (Beat("created", 0), Beat("sending", 0.2), Beat("submitted", 0.9))
_PAID: Final = (*_SENT, Beat("settled", _PAID_AFTER.total_seconds()))
_ASKED: Final = "The provider did not answer in time; we ask again."
_REVIEW: Final = "The provider could not say what became of it. Find out there, and decide."
_HOUR: Final = 60.0
_DAY: Final = 24 * _HOUR

#: Payments that brought no money: who, shillings, minutes ago, the way, why it failed.
TALES: Final[tuple[tuple[str, int, float, tuple[Beat, ...], tuple[str, str] | None], ...]] = (
    ("mutua", 3_000, 9 * _DAY, (Beat("created", 0), Beat("cancelled", 40, "Taken back.")), None),
    (
        "amina",
        4_000,
        6 * _DAY,
        (
            *_SENT,
            Beat("submitted", 65, _DECLINED),
            Beat("expired", 86_400, "The payment page has expired."),
        ),
        ("card_declined", _DECLINED),
    ),
    ("grace", 5_000, 5 * _DAY, (*_SENT, Beat("expired", 86_400, "The page has expired.")), None),
    (
        "wanjiru",
        150_000,
        4 * _DAY,
        (
            *_SENT[:2],
            Beat("unknown", 22, _ASKED),
            Beat("review", 3 * 86_400, _REVIEW),
        ),
        None,
    ),
    (
        "kiprono",
        20_000,
        2 * _DAY,
        (*_SENT[:2], Beat("failed", 1, "The provider refused this payment.")),
        ("payment_refused", "The provider refused this payment."),
    ),
    ("chebet", 3_000, 26, (*_SENT[:2], Beat("unknown", 22, _ASKED)), None),
    ("fatuma", 10_000, 12, _SENT, None),
    (
        "nekesa",
        3_000,
        3,
        (
            Beat("created", 0),
            Beat("created", 1, "The provider cannot be reached; it is sent as soon as it can."),
        ),
        None,
    ),
)


def fresh(now: datetime) -> list[Movement]:
    """Return the top-ups of the last minutes, of which something is to be told, oldest first."""
    return [
        Movement(
            now - timedelta(minutes=one.came_ago),
            None,
            CAST[one.handle],
            Money(one.brought * 10**_KES.exponent, _KES),
            "",
        )
        for one in AFTERMATHS
    ]


def of_movements(booked: Sequence[tuple[Movement, UUID]], *, now: datetime) -> list[Tale]:
    """Return the tales of top-ups that were booked, and of all that brought nothing, by time."""
    told = [
        Tale(one.payee, one.amount, one.at - _PAID_AFTER, _PAID, posting_id)
        for one, posting_id in booked
    ]
    told += [
        Tale(
            CAST[handle],
            Money(shillings * 10**_KES.exponent, _KES),
            now - timedelta(minutes=ago),
            beats,
            failure=failure,
            question=_REVIEW if beats[-1].state == "review" else "",
        )
        for handle, shillings, ago, beats, failure in TALES
    ]
    return sorted(told, key=lambda one: one.begun_at)
