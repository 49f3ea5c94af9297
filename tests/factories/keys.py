"""API keys, with sane defaults."""

from __future__ import annotations

import secrets
from datetime import datetime

from factories.ledger import NOW
from tallystick import ids, keys
from tallystick.db import Connection
from tallystick.keys import Environment, Issued, Key, Scope


def key(**change: object) -> Key:
    """Return a key that reaches every owner and may read wallets."""
    plain = {
        "id": ids.new(),
        "public_id": "0123456789ABCDEF",
        "environment": Environment.TEST,
        "name": "shop",
        "scopes": frozenset({Scope.WALLETS_READ}),
        "owner": None,
        "created_at": NOW,
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": None,
    }
    return Key(**{**plain, **change})


def issued(
    conn: Connection,
    *scopes: Scope,
    owner: str | None = None,
    environment: Environment = Environment.TEST,
    now: datetime = NOW,
    expires_at: datetime | None = None,
) -> Issued:
    """Issue a key that may read wallets, unless told what it may."""
    return keys.issue(
        conn,
        name="shop",
        scopes=scopes or (Scope.WALLETS_READ,),
        owner=owner,
        environment=environment,
        randomness=secrets.token_bytes(keys.RANDOM_BYTES),
        expires_at=expires_at,
        now=now,
    )
