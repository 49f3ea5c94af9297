"""Typed calls to the mail's SQL. It decides nothing."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from tallystick import db
from tallystick.db import Connection, Statements
from tallystick.mail.model import Message, MessageState

__all__ = ["read", "run"]

STATEMENTS: Final = Statements(__package__)


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    db.run(conn, STATEMENTS[name], values)


def read(
    conn: Connection, *, most: int, to_address: str | None = None, message_id: UUID | None = None
) -> list[Message]:
    """Return the newest letters; to one address, or the one with this id, where given."""
    values = {"most": most, "to_address": to_address, "message_id": message_id}
    found = db.rows(conn, STATEMENTS["read"], values)
    return [
        Message(identity, to, subject, text, html, MessageState(state), created_at, sent_at)
        for identity, to, subject, text, html, state, created_at, sent_at in found
    ]
