"""The balance over time as the points of a small picture: whole numbers, no float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final

from tallystick.ledger import Entry
from tallystick.money import Money

__all__ = ["HEIGHT", "SPAN", "WIDTH", "Picture", "draw"]

WIDTH: Final = 600
HEIGHT: Final = 96
#: How far back it goes, at most.
SPAN: Final = timedelta(days=90)
#: Room above and below, so that the line is not cut.
_MARGIN: Final = 6
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Picture:
    """A line and the ground under it, as paths of an SVG."""

    line: str
    ground: str
    least: Money
    greatest: Money
    #: Where it begins: so far back, or with the oldest entry that was given.
    since: datetime


def draw(entries: Sequence[Entry], *, now: datetime) -> Picture | None:
    """Return the picture of a wallet's last days from its newest entries, newest first.

    None without any. Its time is the world's, and never goes back where news came late. The
    balance stands still between entries, so that the line goes in steps.
    """
    if not entries:
        return None
    times = list(accumulate((entry.occurred_at for entry in reversed(entries)), max))
    since = max(times[0], now - SPAN)
    shown = [one for one in zip(times, reversed(entries), strict=True) if one[0] >= since]
    first = shown[0][1] if shown else None
    before = first.balance - first.amount if first else entries[0].balance
    balances = [before, *(entry.balance for _, entry in shown)]
    highest = max([balance.minor for balance in balances] + [1])
    lowest = min([balance.minor for balance in balances] + [0])
    whole = max((now - since) // _MICROSECOND, 1)

    def across(moment: datetime) -> int:
        return min((moment - since) // _MICROSECOND * WIDTH // whole, WIDTH)

    def down(balance: Money) -> int:
        span = HEIGHT - 2 * _MARGIN
        return HEIGHT - _MARGIN - (balance.minor - lowest) * span // (highest - lowest)

    steps = (f"H{across(moment)}V{down(entry.balance)}" for moment, entry in shown)
    line = f"M0 {down(before)}{''.join(steps)}H{WIDTH}"
    least = min(balances, key=lambda balance: balance.minor)
    greatest = max(balances, key=lambda balance: balance.minor)
    return Picture(line, f"{line}V{HEIGHT}H0Z", least, greatest, since)
