"""What decides about keys: their form, the compare, scopes and reach. No I/O, no dice.

Every compare of a secret takes the same time, whatever the two have in common.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from tallystick.keys.errors import KeyInvalid, OwnerMissing, OwnerNotFound, ScopeMissing
from tallystick.keys.model import Environment, Key, Presented, Scope, StoredKey

__all__ = [
    "RANDOM_BYTES",
    "acting_owner",
    "check_issue",
    "check_scope",
    "digest",
    "holds_key",
    "is_use_news",
    "mint",
    "opens",
    "parse",
]

# Crockford's alphabet, in capitals alone: a key has one spelling.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SIGN: Final = f"[{_ALPHABET}]"
_PUBLIC_BYTES: Final = 10
_SECRET_BYTES: Final = 20
#: What `mint` needs of the door's dice: 80 bits to find a key by, 160 bits that nobody guesses.
RANDOM_BYTES: Final = _PUBLIC_BYTES + _SECRET_BYTES
_KEY: Final = re.compile(rf"tsk_(live|test)_({_SIGN}{{16}})_({_SIGN}{{32}})")
#: Whatever was meant as a key, also one that was damaged on the way.
_LIKE_KEY: Final = re.compile(r"tsk_(?:live|test)_", re.IGNORECASE)
_NOBODYS_SHA256: Final = bytes(32)
_NAME_MAX: Final = 100
_OWNER_MAX: Final = 200
_USE_IS_NEWS_AFTER: Final = timedelta(minutes=1)


def mint(environment: Environment, randomness: bytes) -> Presented:
    """Return a new key made of RANDOM_BYTES random bytes."""
    assert len(randomness) == RANDOM_BYTES
    signs = _signs(randomness)
    return Presented(environment, signs[:16], signs[16:])


def parse(text: str) -> Presented | None:
    """Return the parts of a text in a key's one spelling, None for any other."""
    match = _KEY.fullmatch(text)
    return Presented(Environment(match[1]), match[2], match[3]) if match else None


def holds_key(text: str) -> bool:
    """Return whether a key, whole or damaged, stands somewhere in the text."""
    return _LIKE_KEY.search(text) is not None


def digest(secret: str) -> bytes:
    """Return what is kept of a secret: plain SHA-256 is enough for 160 random bits."""
    return sha256(secret.encode()).digest()


def opens(
    stored: StoredKey | None, presented: Presented, *, environment: Environment, now: datetime
) -> bool:
    """Return whether the presented key opens this environment now.

    The secret is compared before anything else is looked at, also where no key was found.
    """
    kept = stored.secret_sha256 if stored else _NOBODYS_SHA256
    is_same = hmac.compare_digest(kept, digest(presented.secret))
    if stored is None or not is_same:
        return False
    key = stored.key
    is_alive = key.revoked_at is None and (key.expires_at is None or now < key.expires_at)
    return is_alive and key.environment == presented.environment == environment


def is_use_news(key: Key, now: datetime) -> bool:
    """Return whether this use is worth a write: one a minute is."""
    return key.last_used_at is None or now - key.last_used_at >= _USE_IS_NEWS_AFTER


def check_scope(key: Key, scope: Scope) -> None:
    """Raise ScopeMissing where the key may not do this."""
    if scope not in key.scopes:
        raise ScopeMissing(scope)


def acting_owner(reach: str | None, named: str | None) -> str:
    """Return for whom a caller acts that reaches one owner, or every owner (None).

    Raises OwnerMissing where nobody is named and somebody must be, and OwnerNotFound for a
    named owner beyond the reach.
    """
    if named is None and reach is None:
        raise OwnerMissing
    if named is None or named == reach:
        assert reach is not None
        return reach
    if reach is not None:
        raise OwnerNotFound(named)
    return named


def check_issue(
    *,
    name: str,
    scopes: Collection[Scope],
    owner: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """Raise KeyInvalid where no key can be issued like this."""
    if not (name.isprintable() and name.strip() == name and 0 < len(name) <= _NAME_MAX):
        raise KeyInvalid(f"Give the key a name of 1 to {_NAME_MAX} signs on one line.")
    if not scopes:
        raise KeyInvalid("Give the key at least one scope: without any it may do nothing.")
    if owner is not None and not (owner.isprintable() and 0 < len(owner) <= _OWNER_MAX):
        raise KeyInvalid(f"An owner has 1 to {_OWNER_MAX} signs, as person:….")
    if expires_at is not None and expires_at <= now:
        raise KeyInvalid("The key would have expired already: let it end later.")


def _signs(data: bytes) -> str:
    """Return the bytes in base 32, five bits a sign; their bits must be a multiple of five."""
    number = int.from_bytes(data)
    return "".join(_ALPHABET[(number >> place) & 31] for place in range(len(data) * 8 - 5, -1, -5))
