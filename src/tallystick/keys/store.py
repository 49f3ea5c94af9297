"""Typed calls to the keys' SQL. It decides nothing, and it never sees a secret."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db
from tallystick.db import Connection, Statements
from tallystick.keys.model import Environment, Key, Scope, StoredKey

__all__ = ["by_public_id", "insert", "note_use", "read", "revoke"]

STATEMENTS: Final = Statements(__package__)
_KNOWN_SCOPES: Final = frozenset(Scope)


def insert(conn: Connection, stored: StoredKey) -> None:
    """Keep a new key."""
    key = stored.key
    values = {
        "id": key.id,
        "public_id": key.public_id,
        "secret_sha256": stored.secret_sha256,
        "environment": key.environment.value,
        "name": key.name,
        "scopes": sorted(scope.value for scope in key.scopes),
        "owner": key.owner,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
    }
    db.run(conn, STATEMENTS["insert_key"], values)


def by_public_id(conn: Connection, public_id: str) -> tuple[StoredKey | None, datetime]:
    """Return the key with this public id and its secret's hash, or None; and the time."""
    [(now, digest, *columns)] = db.rows(conn, STATEMENTS["by_public_id"], {"public_id": public_id})
    return (None if digest is None else StoredKey(_key(*columns), bytes(digest))), now


def read(
    conn: Connection, *, most: int, key_id: UUID | None = None, owner: str | None = None
) -> list[Key]:
    """Return the newest keys; of one owner, or the one with this id, where given."""
    values = {"most": most, "id": key_id, "owner": owner}
    return [_key(*row) for row in db.rows(conn, STATEMENTS["read"], values)]


def note_use(conn: Connection, key_id: UUID, *, now: datetime) -> None:
    """Write when the key was used, unless another transaction holds its row."""
    db.run(conn, STATEMENTS["note_use"], {"id": key_id, "now": now})


def revoke(conn: Connection, key_id: UUID, *, now: datetime) -> bool:
    """Revoke a key and return whether that is news."""
    return bool(db.rows(conn, STATEMENTS["revoke"], {"id": key_id, "now": now}))


def _key(
    identity: UUID, public_id: str, environment: str, name: str, scopes: list[str], *rest: Any
) -> Key:
    owner, created_at, expires_at, revoked_at, last_used_at = rest
    return Key(
        id=identity,
        public_id=public_id,
        environment=Environment(environment),
        name=name,
        # A scope of a newer version means nothing to this one, so it allows nothing.
        scopes=frozenset(Scope(scope) for scope in scopes if scope in _KNOWN_SCOPES),
        owner=owner,
        created_at=created_at,
        expires_at=expires_at,
        revoked_at=revoked_at,
        last_used_at=last_used_at,
    )
