"""The verbs that write keys, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection
from tallystick.keys import queries, rules, store
from tallystick.keys.errors import KeyAlreadyRevoked, KeyRefused
from tallystick.keys.model import Environment, Issued, Key, Scope, StoredKey

__all__ = ["issue", "note_use", "revoke", "verify"]


def issue(
    conn: Connection,
    *,
    name: str,
    scopes: Collection[Scope],
    owner: str | None,
    environment: Environment,
    randomness: bytes,
    now: datetime,
    expires_at: datetime | None = None,
) -> Issued:
    """Keep a new key and return it with its text, which nobody can show again.

    `owner` is the one owner it acts for, None for every owner. `randomness` is RANDOM_BYTES
    bytes of the operating system's dice, thrown at the door. Raises KeyInvalid, and
    TransactionRequired before any write.
    """
    db.require_transaction(conn)
    rules.check_issue(name=name, scopes=scopes, owner=owner, expires_at=expires_at, now=now)
    minted = rules.mint(environment, randomness)
    key = Key(
        id=ids.new(),
        public_id=minted.public_id,
        environment=environment,
        name=name,
        scopes=frozenset(scopes),
        owner=owner,
        created_at=now,
        expires_at=expires_at,
        revoked_at=None,
        last_used_at=None,
    )
    store.insert(conn, StoredKey(key, rules.digest(minted.secret)))
    return Issued(key, minted.text)


def verify(conn: Connection, *, presented: str, environment: Environment) -> tuple[Key, datetime]:
    """Return the key behind the text, and the transaction's time; raise KeyRefused.

    Every call reads the row: a revoked key opens nothing from its revoker's commit on. Where
    `is_use_news`, the caller has the use noted.
    """
    parts = rules.parse(presented)
    if parts is None:
        raise KeyRefused
    stored, now = store.by_public_id(conn, parts.public_id)
    if not rules.opens(stored, parts, environment=environment, now=now):
        raise KeyRefused
    assert stored is not None
    return stored.key, now


def note_use(conn: Connection, *, key_id: UUID, now: datetime) -> None:
    """Note a use of a key, in a transaction that commits whatever becomes of the request.

    It never waits for a lock: who finds the row taken leaves it.
    """
    store.note_use(conn, key_id, now=now)


def revoke(conn: Connection, *, key_id: UUID, now: datetime) -> Key:
    """Revoke a key for good and return it.

    Raises KeyNotFound, KeyAlreadyRevoked, and TransactionRequired before any write.
    """
    db.require_transaction(conn)
    is_news = store.revoke(conn, key_id, now=now)
    key = queries.get(conn, key_id=key_id)
    if not is_news:
        assert key.revoked_at is not None
        raise KeyAlreadyRevoked(key.revoked_at)
    return key
