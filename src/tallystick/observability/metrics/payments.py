"""Payments: facts that were booked, by what told us of them first.

The payments room lives in the heart and knows a protocol alone, which PaymentMetrics keeps.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter

__all__ = ["PaymentMetrics"]

_BOOKED: Final = Counter(
    "tallystick_payments_booked_total",
    "Facts that changed the books or a state, by what told us first: reply, webhook or janitor.",
    ("provider", "by"),
)
_REVIEWS: Final = Counter(
    "tallystick_payments_given_up_total",
    "Payments and refunds that no provider could tell us about: a person was asked.",
    ("provider",),
)


class PaymentMetrics:
    """What the workers' processes count of payments."""

    def booked(self, provider: str, by: str, facts: int) -> None:
        """Take how many facts were news to us, by what told them."""
        if facts:
            _BOOKED.labels(provider, by).inc(facts)

    def given_up(self, provider: str) -> None:
        """Take that a person was asked what became of something."""
        _REVIEWS.labels(provider).inc()
