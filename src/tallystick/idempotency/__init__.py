"""Idempotency: one key of a caller, one outcome, replayed byte for byte.

The record commits with the deed, in the caller's transaction. It decides nothing about the
deed, and it is pruned after 90 days.
"""

from __future__ import annotations

from tallystick.idempotency.errors import IdempotencyError, InFlight, KeyReused
from tallystick.idempotency.handlers import PRUNE, prune
from tallystick.idempotency.model import Outcome
from tallystick.idempotency.operations import claim, forget, store
from tallystick.idempotency.rules import fingerprint

__all__ = [
    "PRUNE",
    "IdempotencyError",
    "InFlight",
    "KeyReused",
    "Outcome",
    "claim",
    "fingerprint",
    "forget",
    "prune",
    "store",
]
