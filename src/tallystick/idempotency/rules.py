"""Pure decisions: what makes two requests the same, and how long they are remembered."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

from tallystick.idempotency.errors import IdempotencyError, InFlight, KeyReused
from tallystick.idempotency.model import Claim, Outcome, Record

__all__ = ["KEPT_FOR", "fingerprint", "judge"]

KEPT_FOR: Final = timedelta(days=90)


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Return the SHA-256 of a request: method and path, each by its length, then the raw body."""
    digest = sha256()
    for part in (method.encode(), path.encode()):
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    digest.update(body)
    return digest.digest()


def judge(asked: Claim, record: Record) -> Outcome | IdempotencyError:
    """Return what a request gets whose key is taken: an outcome, or why there is none for it."""
    if record.fingerprint != asked.fingerprint:
        return KeyReused("This idempotency key stands for another request: use a new one.")
    if record.outcome is None:
        return InFlight("The first request with this key has no outcome yet. Try again.")
    return record.outcome
