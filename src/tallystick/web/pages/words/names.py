"""What providers, entries, reasons and moments are called. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.utils import timezone

from tallystick.payments import Reason

__all__ = ["REASONS", "entry_title", "provider_name", "until"]

_PROVIDERS: Final = {"stripe": "Stripe"}
_ENTRIES: Final = {
    "top_up": "Top-up by card",
    "refund_hold": "Set aside for a refund",
    "refund_release": "Refund not made: free again",
    "refund_return": "A refund came back",
    "refund": "Refund",
    "dispute": "Taken back by the bank",
    "dispute_return": "Given back by the bank",
    "repayment": "Paid what was owed",
}
#: Why a payment is refunded.
REASONS: Final[Mapping[Reason, str]] = {
    Reason.REQUESTED_BY_CUSTOMER: "The customer asked for it",
    Reason.DUPLICATE: "It was paid twice",
    Reason.FRAUDULENT: "Fraud",
    Reason.OTHER: "Another reason",
}


def provider_name(provider: str) -> str:
    """Return a provider as people know it."""
    return _PROVIDERS.get(provider, provider.replace("_", " ").title())


def entry_title(kind: str, *, who: str | None = None, is_incoming: bool = False) -> str:
    """Return what an entry of a wallet is called; `who` is whose wallet is on its other side."""
    if who is not None:
        return f"From {who}" if is_incoming else f"To {who}"
    return _ENTRIES.get(kind, kind.replace("_", " ").capitalize())


def until(moment: datetime, now: datetime) -> str:
    """Return a moment to come as people say it: the hour, with its day where that is another."""
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localtime(now).date()
    return f"{local:%H:%M}" if is_today else f"{local:%A %H:%M}"
