"""Why the payments room refuses.

PaymentError
├── PaymentNotFound       no such payment, or another owner's: the two look the same
├── ReviewNotFound        no such review
├── ReviewResolved        somebody answered it already
├── ReasonMissing         a review is answered with a reason
├── RefundUnsupported     there is nothing that could be refunded
├── RefundTooLarge        more than is left of the payment
├── RefundNotCovered      the wallet does not hold what is to go back
├── AmountOutOfRange      less or more than the provider takes
├── CurrencyUnsupported   the provider does not take this currency
├── KeyReused             the idempotency key stands for another request
├── MoveForbidden         the state table has no such move
└── FactEarly             a provider's fact is about something that is not here yet
"""

from __future__ import annotations

from tallystick.errors import TallystickError
from tallystick.money import Money

__all__ = [
    "AmountOutOfRange",
    "CurrencyUnsupported",
    "FactEarly",
    "KeyReused",
    "MoveForbidden",
    "PaymentError",
    "PaymentNotFound",
    "ReasonMissing",
    "RefundNotCovered",
    "RefundTooLarge",
    "RefundUnsupported",
    "ReviewNotFound",
    "ReviewResolved",
]


class PaymentError(TallystickError):
    """Something is wrong with a payment."""

    code = "payment_error"


class PaymentNotFound(PaymentError):
    """No such payment, or it is another owner's."""

    code = "payment_not_found"


class AmountOutOfRange(PaymentError):
    """The provider takes no such amount."""

    code = "amount_out_of_range"
    field = "amount"


class CurrencyUnsupported(PaymentError):
    """The provider does not take this currency."""

    code = "currency_unsupported"
    field = "currency"


class KeyReused(PaymentError):
    """The same idempotency key came with another request."""

    code = "idempotency_key_reused"


class MoveForbidden(PaymentError):
    """The payment cannot go from where it stands to where it was to go."""

    code = "payment_move_forbidden"


class FactEarly(PaymentError):
    """A provider's fact is about something that is not here, or not yet: it is tried again."""

    code = "payment_fact_early"


class RefundUnsupported(PaymentError):
    """The payment brought no money, or its provider gives none back."""

    code = "refund_unsupported"


class RefundTooLarge(PaymentError):
    """The refund is larger than what is left of the payment."""

    code = "refund_too_large"
    field = "amount"

    def __init__(self, message: str, *, left: Money) -> None:
        """Keep what is left."""
        super().__init__(message)
        self.left = left


class RefundNotCovered(PaymentError):
    """The wallet does not hold what is to go back."""

    code = "refund_not_covered"
    field = "amount"

    def __init__(self, message: str, *, available: Money) -> None:
        """Keep what the wallet holds."""
        super().__init__(message)
        self.available = available


class ReviewNotFound(PaymentError):
    """There is no such review."""

    code = "review_not_found"


class ReviewResolved(PaymentError):
    """The review was answered before."""

    code = "review_resolved"


class ReasonMissing(PaymentError):
    """A review is answered with a reason of 1 to 500 characters."""

    code = "review_reason_missing"
    field = "reason"
