"""Why a key cannot be used now.

IdempotencyError
├── KeyInvalid  caller or key are no text of the length that is kept
├── KeyReused   the key stands for another request
└── InFlight    the first request with the key is still being worked on
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["IdempotencyError", "InFlight", "KeyInvalid", "KeyReused"]


class IdempotencyError(TallystickError):
    """The key cannot be used now."""

    code = "idempotency_error"


class KeyInvalid(IdempotencyError):
    """Caller or key are empty, too long, or hold what is no text."""

    code = "idempotency_key_invalid"


class KeyReused(IdempotencyError):
    """The same key came with another request before."""

    code = "idempotency_key_reused"


class InFlight(IdempotencyError):
    """The first request with this key has no outcome yet."""

    code = "idempotency_in_flight"
