"""Reads of letters, for the development page and for tests."""

from __future__ import annotations

from uuid import UUID

from tallystick.db import Connection
from tallystick.mail import store
from tallystick.mail.errors import MessageNotFound
from tallystick.mail.model import Message

__all__ = ["get", "recent"]


def recent(conn: Connection, *, limit: int = 50, to: str | None = None) -> list[Message]:
    """Return the newest letters, newest first, to one address where it is given."""
    return store.read(conn, most=limit, to_address=to)


def get(conn: Connection, *, message_id: UUID) -> Message:
    """Return a letter; raise MessageNotFound."""
    found = store.read(conn, most=1, message_id=message_id)
    if not found:
        raise MessageNotFound("There is no such letter.")
    return found[0]
