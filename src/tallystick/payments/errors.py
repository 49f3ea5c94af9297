"""Why the payments room refuses.

PaymentError
├── PaymentNotFound       no such payment, or another owner's: the two look the same
├── AmountOutOfRange      less or more than the provider takes
├── CurrencyUnsupported   the provider does not take this currency
├── KeyReused             the idempotency key stands for another request
├── MoveForbidden         the state table has no such move
└── FactMismatch          a provider's fact does not fit the payment that it names
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = [
    "AmountOutOfRange",
    "CurrencyUnsupported",
    "FactMismatch",
    "KeyReused",
    "MoveForbidden",
    "PaymentError",
    "PaymentNotFound",
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


class FactMismatch(PaymentError):
    """A provider reports another amount or currency than the payment asked for."""

    code = "payment_fact_mismatch"
