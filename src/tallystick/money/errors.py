"""What can be wrong with money.

MoneyError
├── CurrencyUnknown    no such ISO 4217 currency, or one without minor units
├── CurrencyMismatch   two currencies met where one must be
└── MoneyMalformed     the text or number is no amount of this currency
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["CurrencyMismatch", "CurrencyUnknown", "MoneyError", "MoneyMalformed"]


class MoneyError(TallystickError):
    """Something is wrong with an amount or a currency."""

    code = "money_error"


class CurrencyUnknown(MoneyError):
    """No ISO 4217 currency in which money can be held has this code."""

    code = "currency_unknown"
    field = "currency"


class CurrencyMismatch(MoneyError):
    """Two currencies met where only one may stand."""

    code = "currency_mismatch"
    field = "currency"


class MoneyMalformed(MoneyError):
    """The amount is no amount: not a number, too fine for the currency, or too large."""

    code = "amount_malformed"
    field = "amount"
