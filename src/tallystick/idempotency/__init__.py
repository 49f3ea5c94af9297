"""Idempotency: one key of a caller, one outcome, replayed byte for byte.

The record commits with the deed, in the caller's transaction. It decides nothing about the
deed, and it is pruned after 90 days.
"""

from __future__ import annotations

from tallystick.idempotency.errors import IdempotencyError, InFlight, KeyInvalid, KeyReused
from tallystick.idempotency.handlers import PRUNE, prune
from tallystick.idempotency.model import Claim, Outcome, Record
from tallystick.idempotency.operations import claim, find, forget, store
from tallystick.idempotency.rules import fingerprint, judge

__all__ = [
    "PRUNE",
    "Claim",
    "IdempotencyError",
    "InFlight",
    "KeyInvalid",
    "KeyReused",
    "Outcome",
    "Record",
    "claim",
    "find",
    "fingerprint",
    "forget",
    "judge",
    "prune",
    "store",
]
