"""Payments: money that crosses our wall, as states that move along one table.

Record, call, record: a provider is called with no transaction open, only by the run that
holds the open attempt. A timeout is `unknown`, never `failed`. Providers are joined by bootstrap.
"""

from __future__ import annotations

from tallystick.payments.errors import (
    AmountOutOfRange,
    CurrencyUnsupported,
    FactMismatch,
    KeyReused,
    MoveForbidden,
    PaymentError,
    PaymentNotFound,
)
from tallystick.payments.handlers import SUBMIT, FactHandler, submit
from tallystick.payments.model import Attempt, Payment, PaymentState, Step
from tallystick.payments.operations import create
from tallystick.payments.provider import (
    Accepted,
    AmountRange,
    CallRefused,
    CallUnknown,
    Capabilities,
    Declined,
    Expired,
    Fact,
    Paid,
    Provider,
)
from tallystick.payments.queries import get, of_owner, steps

__all__ = [
    "SUBMIT",
    "Accepted",
    "AmountOutOfRange",
    "AmountRange",
    "Attempt",
    "CallRefused",
    "CallUnknown",
    "Capabilities",
    "CurrencyUnsupported",
    "Declined",
    "Expired",
    "Fact",
    "FactHandler",
    "FactMismatch",
    "KeyReused",
    "MoveForbidden",
    "Paid",
    "Payment",
    "PaymentError",
    "PaymentNotFound",
    "PaymentState",
    "Provider",
    "Step",
    "create",
    "get",
    "of_owner",
    "steps",
    "submit",
]
