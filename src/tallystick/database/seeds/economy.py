"""The plan: three months of a small Kenyan economy, as movements in order of time. No I/O.

Nobody spends what they have not: who runs low brings money in by card first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from tallystick.database.seeds.cast import CAST
from tallystick.database.seeds.habits import (
    ERRANDS,
    FRIENDS,
    MEMBERS,
    RENTS,
    SALARIES,
    TODAY,
    TOP_UPS,
    Errand,
)
from tallystick.database.seeds.model import Dice, Movement
from tallystick.money import Currency, Money, allocate

__all__ = ["DAYS", "plan"]

#: Whole days before today; they end at 21:00, before the first of today's hours can begin.
DAYS: Final = 91
_WEEK: Final = 7
#: The economy's months have the same length in every season, so that amounts know no calendar.
_MONTH: Final = 30
_KES: Final = Currency("KES")
_SHILLING: Final = 10**_KES.exponent
_CHAMA: Final = 500
#: How long before it is needed a top-up comes in.
_BEFORE: Final = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Intent:
    """What somebody means to pay on a day: its second, and an amount in minor units."""

    second: int
    payer: str
    payee: str
    minor: int
    note: str = ""


def plan(dice: Dice, *, now: datetime) -> tuple[Movement, ...]:
    """Return all movements of the demo economy, oldest first, the last some minutes before `now`.

    `now` carries the demo people's time zone. Amounts and their order depend on the dice alone.
    """
    return tuple(_covered(_timed(dice, now)))


def _timed(dice: Dice, now: datetime) -> Iterator[tuple[datetime, _Intent]]:
    """Yield what people mean to pay, with its time, in order."""
    for number in range(DAYS):
        day = now.date() - timedelta(days=DAYS - number)
        midnight = datetime.combine(day, time(), now.tzinfo)
        for intent in sorted(_day(dice, number), key=lambda one: one.second):
            # Added in the local clock, as people live by it.
            yield (midnight + timedelta(seconds=intent.second)).astimezone(UTC), intent
    for ago, payer, payee, shillings, note in TODAY:
        at = now.astimezone(UTC) - timedelta(minutes=ago)
        yield at, _Intent(0, payer, payee, shillings * _SHILLING, note)


def _covered(intents: Iterator[tuple[datetime, _Intent]]) -> Iterator[Movement]:
    """Yield the movements, with a top-up before each that its payer's wallet does not cover."""
    wallets = dict.fromkeys(CAST, 0)
    before = datetime.min.replace(tzinfo=UTC)
    for at, intent in intents:
        lack = intent.minor - wallets[intent.payer]
        if lack > 0:
            usual = TOP_UPS[intent.payer] * _SHILLING
            brought = -(-lack // usual) * usual
            wallets[intent.payer] += brought
            yield Movement(
                max(before, at - _BEFORE), None, CAST[intent.payer], Money(brought, _KES), ""
            )
        wallets[intent.payer] -= intent.minor
        wallets[intent.payee] += intent.minor
        before = at
        amount = Money(intent.minor, _KES)
        yield Movement(at, CAST[intent.payer], CAST[intent.payee], amount, intent.note)


def _day(dice: Dice, number: int) -> Iterator[_Intent]:
    """Yield what happens on a day, in no order; every day throws the dice in the same order."""
    yield from _errands(dice)
    yield from _week(dice, number)
    yield from _month(dice, number)


def _errands(dice: Dice) -> Iterator[_Intent]:
    for who, errands in ERRANDS.items():
        payer = who.partition("'")[0]
        for errand, percent in errands:
            if dice.randrange(0, 100) < percent:
                yield _errand(dice, payer, errand)


def _errand(dice: Dice, payer: str, errand: Errand) -> _Intent:
    steps = (errand.greatest - errand.least) // errand.step
    shillings = errand.least + errand.step * dice.randrange(0, steps + 1)
    second = dice.randrange(errand.opens * 60, errand.closes * 60)
    # One in two writes something beside it.
    place = dice.randrange(0, 2 * len(errand.notes))
    note = errand.notes[place] if place < len(errand.notes) else ""
    return _Intent(second, payer, errand.payee, shillings * _SHILLING, note)


def _week(dice: Dice, number: int) -> Iterator[_Intent]:
    """Yield what comes once a week: football, the team's lunch, the chama, dinner with friends."""
    match number % _WEEK:
        case 1:
            for who in ("okoth_boda", "mutua", "grace"):
                yield _between(dice, 16, 18, who, "brian", 300, "Pitch on Saturday")
        case 3:
            shillings = dice.randrange(56, 93) * 50
            yield _between(dice, 13, 14, "wanjiru", "fatuma", shillings, "Lunch for the team")
        case 5:
            yield from _chama(dice, number // _WEEK)
        case 6:
            yield from _dinner(dice)


def _chama(dice: Dice, week: int) -> Iterator[_Intent]:
    """Yield what the members put together, and its way to the one whose turn it is."""
    for who in MEMBERS:
        yield _between(dice, 18, 19, who, "njoki", _CHAMA, "Chama")
    whole = _CHAMA * len(MEMBERS)
    turn = MEMBERS[week % len(MEMBERS)]
    yield _between(dice, 19, 20, "njoki", turn, whole, "Chama: it is your turn")


def _dinner(dice: Dice) -> Iterator[_Intent]:
    """Yield a dinner that one of the friends pays, and what the others owe of it."""
    shillings = dice.randrange(64, 137) * 50
    host = FRIENDS[dice.randrange(0, len(FRIENDS))]
    yield _between(dice, 19, 20, host, "fatuma", shillings, "Dinner for five")
    shares = allocate(Money(shillings * _SHILLING, _KES), [1] * len(FRIENDS))
    for who, share in zip(FRIENDS, shares, strict=True):
        if who != host:
            second = dice.randrange(20 * 3600, 21 * 3600)
            yield _Intent(second, who, host, share.minor, "My share of the dinner")


def _month(dice: Dice, number: int) -> Iterator[_Intent]:
    """Yield what comes once a month, and what comes once."""
    match number % _MONTH:
        case 20:
            yield _between(dice, 18, 19, "brian", "chebet", 3_000, "Till payday")
        case 25:
            for who, shillings in SALARIES.items():
                yield _between(dice, 9, 10, "wanjiru", who, shillings, "Salary")
        case 26:
            yield _between(dice, 8, 9, "chebet", "brian", 3_000, "Paying you back, asante")
        case 27:
            for who, shillings in RENTS.items():
                yield _between(dice, 8, 12, who, "kiprono", shillings, "Rent")
    if number in {10, 52}:
        half = "first half" if number == 10 else "second half"  # noqa: PLR2004 - a day of the plan
        yield _between(dice, 10, 11, "kiprono", "wanjiru", 80_000, f"Website for the flats, {half}")
    if number == 40:  # noqa: PLR2004 - the same
        for who in FRIENDS:
            note = "For your daughter’s school fees"
            yield _between(dice, 17, 20, who, "okoth_boda", 1_000, note)


def _between(
    dice: Dice, opens: int, closes: int, payer: str, payee: str, shillings: int, note: str
) -> _Intent:
    """Return a payment at some second between two hours of the day."""
    second = dice.randrange(opens * 3600, closes * 3600)
    return _Intent(second, payer, payee, shillings * _SHILLING, note)
