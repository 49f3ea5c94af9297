"""Currency and Money: exact, immutable, and strict about what they accept.

They hold integers of minor units and refuse floats, booleans and mixed currencies.
They know nothing of providers: what each provider wants is a table in its folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import iso4217

from tallystick.money.errors import CurrencyMismatch, CurrencyUnknown, MoneyMalformed

__all__ = ["MINOR_MAX", "Currency", "Money"]

#: The largest amount, in minor units: below 2^53, so that JSON readers keep it exact.
MINOR_MAX: Final = 2**53 - 1

_MAJOR: Final = re.compile(r"(?a:(?P<whole>[0-9]{1,16})(?:\.(?P<fraction>[0-9]{1,6}))?)")


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency of ISO 4217, by its code; raise CurrencyUnknown for any other text."""

    code: str
    #: How many decimal digits the minor unit has: 2 for KES, 0 for JPY.
    exponent: int = field(init=False, compare=False)
    name: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Look the code up in the table."""
        code: object = self.code
        is_code = isinstance(code, str) and code.isupper()
        entry = iso4217.Currency.__members__.get(self.code) if is_code else None
        if entry is None or entry.exponent is None:
            raise CurrencyUnknown("Give a currency of ISO 4217 in capitals, as KES or USD.")
        object.__setattr__(self, "exponent", entry.exponent)
        object.__setattr__(self, "name", entry.currency_name)

    def __str__(self) -> str:
        """Return the code."""
        return self.code


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in one currency; negative amounts are the signs of entries."""

    #: Minor units: 1500 of KES is fifteen shillings.
    minor: int
    currency: Currency

    def __post_init__(self) -> None:
        """Refuse what is no whole number of minor units of a currency."""
        currency: object = self.currency
        if not isinstance(currency, Currency):
            raise MoneyMalformed("Give the currency as a Currency, as Currency('KES').")
        if type(self.minor) is not int:
            raise MoneyMalformed("Give the amount as a whole number of minor units.")
        if abs(self.minor) > MINOR_MAX:
            raise MoneyMalformed(f"Give an amount of at most {MINOR_MAX} minor units.")

    @classmethod
    def parse_major(cls, text: str, currency: Currency) -> Money:
        """Return the amount that a person typed in major units, as `15` or `1,500.00`.

        Raises MoneyMalformed for signs, exponents, other digits than 0-9, and for more
        decimals than the currency has: nothing is rounded.
        """
        match = _MAJOR.fullmatch(_without_grouping(text.strip()))
        if match is None:
            raise MoneyMalformed("Type the amount in digits, as 1500 or 1,500.00.")
        fraction = match["fraction"] or ""
        if len(fraction) > currency.exponent:
            raise MoneyMalformed(_too_fine(currency))
        return cls(int(match["whole"] + fraction.ljust(currency.exponent, "0")), currency)

    @property
    def major(self) -> str:
        """Return the amount in major units with all its decimals, ungrouped, as `1500.00`."""
        sign = "-" if self.minor < 0 else ""
        digits = str(abs(self.minor)).rjust(self.currency.exponent + 1, "0")
        if self.currency.exponent == 0:
            return sign + digits
        return f"{sign}{digits[: -self.currency.exponent]}.{digits[-self.currency.exponent :]}"

    def __str__(self) -> str:
        """Return the amount as people read it: `KES 1,500.00`."""
        whole, dot, fraction = self.major.partition(".")
        sign = "-" if whole.startswith("-") else ""
        return f"{self.currency.code} {sign}{int(whole.lstrip('-')):,}{dot}{fraction}"

    def __add__(self, other: Money) -> Money:
        """Return the sum; raise CurrencyMismatch for two currencies."""
        self._must_match(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Return the difference; raise CurrencyMismatch for two currencies."""
        self._must_match(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        """Return the amount with the other sign."""
        return Money(-self.minor, self.currency)

    def _must_match(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up.")


def _without_grouping(text: str) -> str:
    """Return the text without thousands commas where they group by three, else unchanged."""
    return (
        text.replace(",", "") if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]*)?", text) else text
    )


def _too_fine(currency: Currency) -> str:
    if currency.exponent == 0:
        return f"{currency} has no decimals: give a whole amount."
    return f"{currency} has {currency.exponent} decimals at most."
