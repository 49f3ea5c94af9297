"""What people see of the simulated Stripe: the payment page, and the overview of the account."""

from __future__ import annotations

from tallystick.simulator.stripe.pages.checkout import Page
from tallystick.simulator.stripe.pages.overview import Overview

__all__ = ["Overview", "Page"]
