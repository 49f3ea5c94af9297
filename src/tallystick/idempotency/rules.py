"""Pure decisions: what makes two requests the same, and how long they are remembered."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Final

__all__ = ["KEPT_FOR", "fingerprint"]

KEPT_FOR: Final = timedelta(days=90)


def fingerprint(method: str, path: str, body: bytes) -> bytes:
    """Return the SHA-256 of a request: method and path, each by its length, then the raw body."""
    digest = sha256()
    for part in (method.encode(), path.encode()):
        digest.update(len(part).to_bytes(4))
        digest.update(part)
    digest.update(body)
    return digest.digest()
