"""What Stripe takes of each currency, and how it counts its units.

Source: https://docs.stripe.com/currencies (zero-decimal, three-decimal and special currencies,
minimum and maximum charge amounts). Nothing is rounded and nothing is converted.
"""

from __future__ import annotations

from typing import Final

from tallystick.money import Currency, Money, MoneyMalformed
from tallystick.payments import AmountRange

__all__ = ["COLLECTS", "from_stripe", "to_stripe"]

#: Decimals of Stripe's unit; two for every currency that is not named.
_DECIMALS: Final = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV",
         "XAF", "XOF", "XPF"),
        0,
    ),
    **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
}  # fmt: skip
#: Stripe's units come in steps of so many: whole units, or no last decimal.
_STEPS: Final = {"ISK": 100, "UGX": 100, **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 10)}
#: The least that Stripe charges, in its units. Where it publishes none it wants the worth of half
#: a US dollar: an amount that is safely above.
_LEAST: Final = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1_500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17_500, "INR": 50, "JPY": 50, "KES": 10_000, "MXN": 1_000,
    "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50,
    "THB": 1_000, "UGX": 250_000, "USD": 50,
}  # fmt: skip
#: Stripe takes at most eight digits of its unit.
_GREATEST: Final = 99_999_999


def to_stripe(amount: Money) -> int:
    """Return the amount as Stripe counts it; raise MoneyMalformed where that is no whole step."""
    code = amount.currency.code
    theirs: int
    theirs, rest = divmod(amount.minor * 10 ** _decimals(code), 10**amount.currency.exponent)
    if rest or theirs % _STEPS.get(code, 1):
        raise MoneyMalformed(f"Stripe does not take so fine a part of {code}.")
    return theirs


def from_stripe(minor: int, currency_code: str) -> Money:
    """Return Stripe's amount in our minor units; raise MoneyMalformed where a part is left."""
    currency = Currency(currency_code.upper())
    ours, rest = divmod(minor * 10**currency.exponent, 10 ** _decimals(currency.code))
    if rest:
        raise MoneyMalformed(f"Stripe reports {minor} of {currency}, which is no whole unit.")
    return Money(ours, currency)


def _decimals(code: str) -> int:
    return _DECIMALS.get(code, 2)


def _range(code: str) -> AmountRange:
    greatest = _GREATEST - _GREATEST % _STEPS.get(code, 1)
    return AmountRange(from_stripe(_LEAST[code], code).minor, from_stripe(greatest, code).minor)


#: Our minor units: the least that Stripe charges, and the greatest.
COLLECTS: Final = {code: _range(code) for code in _LEAST}
