"""Identities: UUID version 7, shown to people with a prefix that says what they name.

Shown ids are for URLs and JSON; the database keeps the plain UUID. An id is no secret.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from tallystick.errors import TallystickError

__all__ = ["IdMalformed", "new", "read", "show"]

# Crockford's alphabet leaves out i, l, o and u: https://www.crockford.com/base32.html
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {sign: value for value, sign in enumerate(_ALPHABET)}
_LENGTH: Final = 26


class IdMalformed(TallystickError):
    """The text is no id of the kind that was asked for."""

    code = "id_malformed"


def new() -> UUID:
    """Return a new UUID version 7: time-ordered, unique, and no secret (RFC 9562)."""
    return uuid7()


def show(prefix: str, identity: UUID) -> str:
    """Return the id as people see it, as in `wal_01jd…`."""
    number = identity.int
    signs = [_ALPHABET[(number >> (5 * place)) & 31] for place in range(_LENGTH - 1, -1, -1)]
    return f"{prefix}_{''.join(signs)}"


def read(prefix: str, text: str) -> UUID:
    """Return the UUID behind a shown id; raise IdMalformed for anything that `show` never made."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != _LENGTH or not set(tail) <= _VALUES.keys():
        raise IdMalformed(f"This is no id of the form {prefix}_… with {_LENGTH} signs.")
    number = 0
    for sign in tail:
        number = number * 32 + _VALUES[sign]
    if number >= 1 << 128:
        raise IdMalformed(f"This is no id of the form {prefix}_…: it is too large.")
    return UUID(int=number)
