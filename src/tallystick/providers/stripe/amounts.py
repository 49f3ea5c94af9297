"""What Stripe takes of each currency, and how it counts its minor units.

Source: https://docs.stripe.com/currencies (zero-decimal currencies, minimum and maximum
charge amounts). Stripe's minor unit is ISO's except where the table says otherwise.
"""

from __future__ import annotations

from typing import Final

from tallystick.money import Currency, Money, MoneyMalformed
from tallystick.payments import AmountRange

__all__ = ["COLLECTS", "from_stripe", "to_stripe"]

#: Stripe takes at most eight digits of its minor units.
_GREATEST: Final = 99_999_999

#: Our minor units: the least that Stripe charges, and the greatest.
COLLECTS: Final = {
    "KES": AmountRange(10_000, _GREATEST),
    "USD": AmountRange(50, _GREATEST),
    "EUR": AmountRange(50, _GREATEST),
    "GBP": AmountRange(30, _GREATEST),
    "JPY": AmountRange(50, _GREATEST),
    # No decimals in ISO 4217, hundredths at Stripe: whole shillings only.
    "UGX": AmountRange(2_500, _GREATEST // 100),
}

#: How many of Stripe's units one of our minor units is, where they differ.
_FACTOR: Final = {"UGX": 100}


def to_stripe(amount: Money) -> int:
    """Return the amount as Stripe counts it."""
    return amount.minor * _FACTOR.get(amount.currency.code, 1)


def from_stripe(minor: int, currency_code: str) -> Money:
    """Return Stripe's amount in our units; raise MoneyMalformed where a part is left."""
    currency = Currency(currency_code.upper())
    ours, rest = divmod(minor, _FACTOR.get(currency.code, 1))
    if rest:
        raise MoneyMalformed(f"Stripe reports {minor} of {currency}, which is no whole unit.")
    return Money(ours, currency)
