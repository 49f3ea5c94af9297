"""Stripe's refusals as stable codes, each with a sentence that tells a person what to do.

Source: https://docs.stripe.com/declines/codes, https://docs.stripe.com/error-codes and
https://docs.stripe.com/refunds#failed-refunds. Stripe's own words are for developers, and may
change: people get ours.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["SENTENCES", "sentence_of"]

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
_OTHER_CARD: Final = "Try another card, or ask your bank why it refused this one."

#: By code. docs/reference/refusals.md says the same.
SENTENCES: Final = {
    "amount_too_large": "The amount is more than the card network takes. Give a smaller one.",
    "amount_too_small": "The amount is less than the card network takes. Give a larger one.",
    "authentication_required": "Your bank wants to see that it is you. Try again and confirm it.",
    "card_declined": f"The card was declined. {_OTHER_CARD}",
    "card_not_supported": "The card does not take this kind of payment. Try another card.",
    "charge_already_refunded": "All of this payment was refunded already.",
    "charge_disputed": "The payer's bank disputes this payment: it cannot be refunded meanwhile.",
    "currency_not_supported": "The card does not take this currency. Try another card.",
    "declined": "The bank did not take the refund back.",
    "do_not_honor": f"The bank declined the card without saying why. {_OTHER_CARD}",
    "expired_card": "The card has expired. Try another card.",
    "expired_or_canceled_card": "The card that paid is no longer valid: the bank sent it back.",
    "fraudulent": f"The card was declined. {_OTHER_CARD}",
    "generic_decline": f"The card was declined. {_OTHER_CARD}",
    "incorrect_cvc": "The security code is not right. Look at the back of the card, try again.",
    "incorrect_number": "The card number is not right. Look at it again.",
    "insufficient_funds": "The card does not cover this amount. Try a smaller one or another card.",
    "invalid_request": "The payment was refused. Try again; if it stays so, tell us.",
    "lost_card": f"The card was declined. {_OTHER_CARD}",
    "lost_or_stolen_card": "The card that paid was reported lost: the bank sent the refund back.",
    "payment_intent_authentication_failure": (
        "Your bank could not confirm that it is you. Try again or use another card."
    ),
    "pickup_card": f"The card was declined. {_OTHER_CARD}",
    "processing_error": "The bank could not process the card just now. Try again in a moment.",
    "refund_failed": "The refund did not reach the card. Pay it back another way.",
    "resource_missing": "The provider does not know this payment.",
    "stolen_card": f"The card was declined. {_OTHER_CARD}",
    "test_mode_live_card": "This is a place for test cards: a real card is not taken.",
}


def sentence_of(code: str, given: str) -> tuple[str, str]:
    """Return a stable code and the sentence for the person.

    Codes that we have no sentence for keep theirs and get the provider's words, or plain ones.
    """
    if not _CODE.fullmatch(code):
        code = "invalid_request"
    known = SENTENCES.get(code)
    return code, known or _plain(given)[:500] or "The provider refused. Try again or another way."


def _plain(given: str) -> str:
    """Return words on one line, without the control signs and halves that PostgreSQL refuses."""
    line = " ".join(given.split())
    return "".join(sign for sign in line if unicodedata.category(sign) not in {"Cc", "Cs"}).strip()
