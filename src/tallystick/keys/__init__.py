"""API keys: what a program shows instead of signing in, with scopes and a reach.

A key is shown once. Kept are its public id and the SHA-256 of its secret, so that no copy of
the database opens anything. Why a key is refused is told to nobody.
"""

from __future__ import annotations

from tallystick.keys.errors import (
    ApiKeyError,
    KeyAlreadyRevoked,
    KeyInvalid,
    KeyNotFound,
    KeyRefused,
    OwnerMissing,
    OwnerNotFound,
    ScopeMissing,
)
from tallystick.keys.model import Environment, Issued, Key, Scope
from tallystick.keys.operations import issue, note_use, revoke, verify
from tallystick.keys.queries import get, recent
from tallystick.keys.rules import RANDOM_BYTES, acting_owner, check_scope, holds_key, is_use_news

__all__ = [
    "RANDOM_BYTES",
    "ApiKeyError",
    "Environment",
    "Issued",
    "Key",
    "KeyAlreadyRevoked",
    "KeyInvalid",
    "KeyNotFound",
    "KeyRefused",
    "OwnerMissing",
    "OwnerNotFound",
    "Scope",
    "ScopeMissing",
    "acting_owner",
    "check_scope",
    "get",
    "holds_key",
    "is_use_news",
    "issue",
    "note_use",
    "recent",
    "revoke",
    "verify",
]
