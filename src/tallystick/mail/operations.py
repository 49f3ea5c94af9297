"""The verb that writes a letter, inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tallystick import db, ids, jobs
from tallystick.db import Connection
from tallystick.mail import store
from tallystick.mail.handlers import SEND

__all__ = ["queue"]


def queue(
    conn: Connection, *, to: str, subject: str, text: str, html: str | None = None, now: datetime
) -> UUID:
    """Keep a letter and its job, which commit with the deed; return the letter's id.

    Raises TransactionRequired outside a transaction of the caller's.
    """
    db.require_transaction(conn)
    message_id = ids.new()
    one_line = " ".join(subject.split())
    store.run(
        conn,
        "insert_message",
        id=message_id,
        to_address=to,
        subject=one_line,
        body_text=text,
        body_html=html,
        created_at=now,
    )
    jobs.enqueue(conn, name=SEND, arguments={"message_id": str(message_id)}, queue="mail")
    return message_id
