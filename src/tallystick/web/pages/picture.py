"""The balance over time as the points of a small picture: whole numbers, no float."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tallystick.ledger import Entry
from tallystick.money import Money

__all__ = ["HEIGHT", "WIDTH", "Picture", "draw"]

WIDTH: Final = 600
HEIGHT: Final = 96
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
    since: datetime


def draw(entries: Sequence[Entry], *, now: datetime) -> Picture | None:
    """Return the picture of a wallet's newest entries, newest first; None without any.

    The balance stands still between entries, so that the line goes in steps.
    """
    if not entries:
        return None
    oldest = entries[-1]
    before = oldest.balance - oldest.amount
    balances = [before, *(entry.balance for entry in reversed(entries))]
    since = oldest.created_at
    highest = max([balance.minor for balance in balances] + [1])
    lowest = min([balance.minor for balance in balances] + [0])
    whole = max((now - since) // _MICROSECOND, 1)

    def across(moment: datetime) -> int:
        return min(max((moment - since) // _MICROSECOND, 0) * WIDTH // whole, WIDTH)

    def down(balance: Money) -> int:
        span = HEIGHT - 2 * _MARGIN
        return HEIGHT - _MARGIN - (balance.minor - lowest) * span // (highest - lowest)

    steps = (f"H{across(entry.created_at)}V{down(entry.balance)}" for entry in reversed(entries))
    line = f"M0 {down(before)}{''.join(steps)}H{WIDTH}"
    least = min(balances, key=lambda balance: balance.minor)
    greatest = max(balances, key=lambda balance: balance.minor)
    return Picture(line, f"{line}V{HEIGHT}H0Z", least, greatest, since)
