"""The chart of accounts: the one place that names accounts.

Distinct inputs give distinct paths: a path holds a provider's short name or a wallet's UUID,
never free text of a caller.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from tallystick.ledger import AccountPlan
from tallystick.money import Currency

__all__ = [
    "clearing",
    "loss",
    "suspense",
    "wallet_available",
    "wallet_held",
    "wallet_receivable",
]

_PROVIDER: Final = re.compile(r"[a-z][a-z0-9]{1,19}")


def wallet_available(wallet_id: UUID, currency: Currency) -> AccountPlan:
    """Return the account with what a wallet may spend: never below zero."""
    return AccountPlan(f"wallet/{wallet_id}/available", currency, floor=0)


def wallet_held(wallet_id: UUID, currency: Currency) -> AccountPlan:
    """Return the account with what a wallet has set aside: never below zero."""
    return AccountPlan(f"wallet/{wallet_id}/held", currency, floor=0)


def wallet_receivable(wallet_id: UUID, currency: Currency) -> AccountPlan:
    """Return the account of what a wallet's owner owes us: below zero while something is owed."""
    return AccountPlan(f"wallet/{wallet_id}/receivable", currency, floor=None, ceiling=0)


def clearing(provider: str, currency: Currency) -> AccountPlan:
    """Return the account of what a provider holds for us: below zero while it does."""
    return AccountPlan(f"clearing/{_named(provider)}", currency, floor=None)


def suspense(provider: str, currency: Currency) -> AccountPlan:
    """Return the account of a provider's money that waits for a person to say whose it is."""
    return AccountPlan(f"suspense/{_named(provider)}", currency, floor=None)


def loss(cause: str, currency: Currency) -> AccountPlan:
    """Return the account of what was lost to a cause, as fees: below zero while it is."""
    return AccountPlan(f"loss/{_named(cause)}", currency, floor=None)


def _named(provider: str) -> str:
    if _PROVIDER.fullmatch(provider) is None:
        raise ValueError(f"{provider!r} is no provider's name.")
    return provider
