"""Argon2id at 46 MiB, at most two at a time, so that sign-ins cannot eat the memory."""

from __future__ import annotations

import threading
from typing import Final

from django.contrib.auth.hashers import Argon2PasswordHasher

from tallystick.web.people.passwords import normalise

__all__ = ["Argon2"]

_at_most_two: Final = threading.BoundedSemaphore(2)


class Argon2(Argon2PasswordHasher):
    """OWASP's first choice of parameters; passwords are hashed in NFKC."""

    time_cost = 1
    memory_cost = 47_104
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        """Return the hash, waiting where two are being made."""
        with _at_most_two:
            encoded: str = super().encode(normalise(password), salt)
        return encoded

    def verify(self, password: str, encoded: str) -> bool:
        """Return whether the password made the hash, waiting where two are being made."""
        with _at_most_two:
            is_right: bool = super().verify(normalise(password), encoded)
        return is_right
