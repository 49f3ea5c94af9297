"""Money: an integer of minor units and its currency. No float comes near it."""

from __future__ import annotations

from tallystick.money.errors import CurrencyMismatch, CurrencyUnknown, MoneyError, MoneyMalformed
from tallystick.money.model import MINOR_MAX, Currency, Money
from tallystick.money.rules import allocate

__all__ = [
    "MINOR_MAX",
    "Currency",
    "CurrencyMismatch",
    "CurrencyUnknown",
    "Money",
    "MoneyError",
    "MoneyMalformed",
    "allocate",
]
