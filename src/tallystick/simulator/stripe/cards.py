"""Stripe's test cards and what each does. A card number lives here for one request only.

Nothing outside this module and the request sees a whole number: brand and last four digits
go on, and only those are journalled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["SHOWN", "Card", "CardUnreadable", "Decline", "read"]

_DIGITS: Final = range(12, 20)


@dataclass(frozen=True, slots=True)
class Decline:
    """Why the bank said no: Stripe's code, its decline code, its sentence."""

    code: str
    decline_code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Card:
    """What may be known about a card after its request."""

    brand: str
    last4: str
    decline: Decline | None = None
    needs_authentication: bool = False
    #: Why its holder disputes the charge at once, where they do.
    dispute: str | None = None


class CardUnreadable(ValueError):
    """The number is no card number, so no bank was asked."""


_DECLINED: Final = "Your card was declined."
_FUNDS: Final = "Your card has insufficient funds."
_EXPIRED: Final = "Your card has expired."
_CVC: Final = "Your card's security code is incorrect."
_PROCESSING: Final = "An error occurred while processing your card. Try again in a little bit."
_LIVE: Final = (
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, see the simulator's page."
)

_CARDS: Final = {
    "4242424242424242": Card("visa", "4242"),
    "4000056655665556": Card("visa", "5556"),
    "5555555555554444": Card("mastercard", "4444"),
    "2223003122003222": Card("mastercard", "3222"),
    "378282246310005": Card("amex", "0005"),
    # Refunds of these two change later.
    "4000000000007726": Card("visa", "7726"),
    "4000000000005126": Card("visa", "5126"),
    "4000000000000259": Card("visa", "0259", dispute="fraudulent"),
    "4000000000002685": Card("visa", "2685", dispute="product_not_received"),
    "4000000000000002": Card(
        "visa", "0002", Decline("card_declined", "generic_decline", _DECLINED)
    ),
    "4000000000009995": Card(
        "visa", "9995", Decline("card_declined", "insufficient_funds", _FUNDS)
    ),
    "4000000000009987": Card("visa", "9987", Decline("card_declined", "lost_card", _DECLINED)),
    "4000000000009979": Card("visa", "9979", Decline("card_declined", "stolen_card", _DECLINED)),
    "4000000000000069": Card("visa", "0069", Decline("expired_card", None, _EXPIRED)),
    "4000000000000127": Card("visa", "0127", Decline("incorrect_cvc", None, _CVC)),
    "4000000000000119": Card("visa", "0119", Decline("processing_error", None, _PROCESSING)),
    "4000002500003155": Card("visa", "3155", needs_authentication=True),
    "4000002760003184": Card("visa", "3184", needs_authentication=True),
}

#: The cards that the page offers: name, number as people read it, what it does.
SHOWN: Final = {
    "success": ("4242 4242 4242 4242", "Succeeds"),
    "declined": ("4000 0000 0000 0002", "Declined"),
    "funds": ("4000 0000 0000 9995", "No funds"),
    "secure": ("4000 0025 0000 3155", "3-D Secure"),
}


def read(text: str) -> Card:
    """Return the card behind a number as people type it; raise CardUnreadable for no number.

    A number that could be a real card is declined, as Stripe does in test mode.
    """
    number = re.sub(r"[ -]", "", text)
    if not (number.isascii() and number.isdigit()) or len(number) not in _DIGITS:
        raise CardUnreadable("Your card number is incomplete.")
    if not _adds_up(number):
        raise CardUnreadable("Your card number is invalid.")
    known = _CARDS.get(number)
    if known:
        return known
    return Card("unknown", number[-4:], Decline("card_declined", "test_mode_live_card", _LIVE))


def _adds_up(number: str) -> bool:
    """Return whether the check digit is right (Luhn)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = sum(sum(divmod(digit * 2, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + doubled) % 10 == 0
