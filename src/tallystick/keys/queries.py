"""Reads of keys, for those who administer them. No secret comes out, because none is kept."""

from __future__ import annotations

from uuid import UUID

from tallystick.db import Connection
from tallystick.keys import store
from tallystick.keys.errors import KeyNotFound
from tallystick.keys.model import Key

__all__ = ["get", "recent"]


def get(conn: Connection, *, key_id: UUID) -> Key:
    """Return a key; raise KeyNotFound."""
    found = store.read(conn, most=1, key_id=key_id)
    if not found:
        raise KeyNotFound(key_id)
    return found[0]


def recent(conn: Connection, *, owner: str | None = None, limit: int = 100) -> list[Key]:
    """Return the newest keys, newest first; those of one owner where it is given."""
    return store.read(conn, most=limit, owner=owner)
