"""Stripe's objects, as the API version below shows them: builders of plain JSON objects.

Pure: they take what differs and fill in what a new test-mode object always has.
"""

from __future__ import annotations

from tallystick.simulator.stripe.objects.checkout import line_item, session
from tallystick.simulator.stripe.objects.events import API_VERSION, account, event
from tallystick.simulator.stripe.objects.payments import charge, payment_intent, payment_method
from tallystick.simulator.stripe.objects.returns import balance_entry, dispute, refund

__all__ = [
    "API_VERSION",
    "account",
    "balance_entry",
    "charge",
    "dispute",
    "event",
    "line_item",
    "payment_intent",
    "payment_method",
    "refund",
    "session",
]
