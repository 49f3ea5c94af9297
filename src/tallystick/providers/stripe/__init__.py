"""Stripe: cards by Checkout's redirect, through the official SDK. No card data comes here.

Every POST carries our stored idempotency key; the API version is pinned.
"""

from __future__ import annotations

from tallystick.providers.stripe.amounts import from_stripe
from tallystick.providers.stripe.objects import PAYMENT_KEY, REFUND_KEY
from tallystick.providers.stripe.provider import API_VERSION, Stripe

__all__ = ["API_VERSION", "PAYMENT_KEY", "REFUND_KEY", "Stripe", "from_stripe"]
