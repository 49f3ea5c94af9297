"""Amounts as Stripe counts them: an integer of the unit that Stripe chose for the currency.

Stripe's unit is mostly ISO's minor unit, but not always, so its own tables stand here. Nothing
is converted between currencies, and the published minimum charges are taken as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tallystick.money import Currency, CurrencyUnknown
from tallystick.simulator.stripe.errors import RequestInvalid

__all__ = ["AMOUNT_MAX", "check_currency", "check_total", "common_currency", "fee_of", "show"]

AMOUNT_MAX: Final = 99_999_999

#: The amount is in whole units: 500 is ¥500.
_ZERO_DECIMAL: Final = frozenset(
    "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split()  # noqa: SIM905 - codes read best as words
)
#: Three decimals, of which the last must be 0.
_THREE_DECIMAL: Final = frozenset(
    "bhd jod kwd omr tnd".split()  # noqa: SIM905 - codes read best as words
)
#: Written with two decimals although there are none: whole units only.
_WHOLE_UNITS: Final = frozenset(("isk", "ugx"))
#: The least that can be charged, by currency, in Stripe's unit.
_MINIMUM: Final = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
#: For a currency without a published minimum; Stripe takes the worth of half a US dollar there.
_MINIMUM_ELSEWHERE: Final = 50


def check_currency(code: str, *, param: str) -> str:
    """Return the currency in lower case; raise RequestInvalid for one that does not exist."""
    lower = code.lower()
    try:
        Currency(lower.upper())
    except CurrencyUnknown as unknown:
        raise RequestInvalid(f"Invalid currency: {code[:20]}.", param=param) from unknown
    return lower


def common_currency(codes: Sequence[str], named: str | None) -> str:
    """Return the one currency of all prices; raise RequestInvalid for two, or an unknown one."""
    found = {
        check_currency(code, param=f"line_items[{place}][price_data][currency]")
        for place, code in enumerate(codes)
    }
    if named is not None:
        found.add(check_currency(named, param="currency"))
    if len(found) > 1:
        raise RequestInvalid(
            "All prices on a Checkout Session must have the same currency.", param="line_items"
        )
    return found.pop()


def check_total(amount: int, currency: str, *, param: str) -> None:
    """This function will raise RequestInvalid for a total that Stripe does not charge."""
    least = _MINIMUM.get(currency, _MINIMUM_ELSEWHERE)
    if amount < least:
        raise RequestInvalid(
            "The Checkout Session's total amount due must add up to at least "
            f"{show(least, currency)}.",
            reason="amount_too_small",
            param=param,
        )
    if amount > AMOUNT_MAX:
        raise RequestInvalid(
            "The Checkout Session's total amount due must be no more than "
            f"{show(AMOUNT_MAX, currency)}.",
            reason="amount_too_large",
            param=param,
        )
    step = 10 if currency in _THREE_DECIMAL else 100 if currency in _WHOLE_UNITS else 1
    if amount % step:
        raise RequestInvalid(
            f"Invalid amount: {currency.upper()} amounts must be divisible by {step}.",
            reason="parameter_invalid_integer",
            param=param,
        )


def fee_of(amount: int) -> int:
    """Return what Stripe keeps: 2.9 % rounded half up, and 30 units, at most the amount."""
    return min(amount, (amount * 29 + 500) // 1000 + 30)


def show(amount: int, currency: str) -> str:
    """Return the amount for people, as `KES 1,500.00`."""
    decimals = 0 if currency in _ZERO_DECIMAL else 3 if currency in _THREE_DECIMAL else 2
    whole, rest = divmod(amount, 10**decimals)
    fraction = f".{rest:0{decimals}d}" if decimals else ""
    return f"{currency.upper()} {whole:,}{fraction}"
