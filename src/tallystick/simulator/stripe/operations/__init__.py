"""The verbs: each decides on the book as it stands and returns an Outcome; none writes.

The caller holds the book's lock from before the call until the outcome is committed, so a
double click pays once and two refunds never return more than was paid.
"""

from __future__ import annotations

from tallystick.simulator.stripe.operations.disputes import open_dispute, settle_dispute
from tallystick.simulator.stripe.operations.lookup import find
from tallystick.simulator.stripe.operations.payments import authenticate, pay
from tallystick.simulator.stripe.operations.refunds import (
    create_refund,
    settle_refund,
    settlements_due,
)
from tallystick.simulator.stripe.operations.sessions import (
    create_session,
    expire_session,
    is_overdue,
    overdue_sessions,
)

__all__ = [
    "authenticate",
    "create_refund",
    "create_session",
    "expire_session",
    "find",
    "is_overdue",
    "open_dispute",
    "overdue_sessions",
    "pay",
    "settle_dispute",
    "settle_refund",
    "settlements_due",
]
