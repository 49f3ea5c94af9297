"""The job that sends a letter: read, send, record. No transaction is open while it sends.

A crash between the mail server's yes and the record sends the letter twice: for letters
that is the lesser evil.
"""

from __future__ import annotations

import smtplib
from typing import Final
from uuid import UUID

from tallystick.db import Pool
from tallystick.mail import queries, store
from tallystick.mail.model import MessageState
from tallystick.mail.smtp import Sender

__all__ = ["SEND", "send"]

SEND: Final = "mail.send"
#: From here on an SMTP reply is a refusal for good (RFC 5321, section 4.2.1).
_PERMANENT: Final = 500


def send(*, pool: Pool, sender: Sender | None, attempts_max: int, message_id: str) -> None:
    """Send a pending letter, or mark it kept where no mail server is set.

    Raises OSError or SMTPException where another try may help, with the reason kept: the job is
    then run again. A letter whose `attempts_max` tries are spent has failed.
    """
    identity = UUID(message_id)
    with pool.transaction() as conn:
        message = queries.get(conn, message_id=identity)
    if message.state is not MessageState.PENDING:
        return
    state = MessageState.KEPT if sender is None else MessageState.SENT
    try:
        if sender is not None:
            sender.send(message)
    except (OSError, smtplib.SMTPException) as trouble:
        tries = 1 if _is_permanent(trouble) else attempts_max
        with pool.transaction() as conn:
            store.run(
                conn, "note_trouble", id=identity, error=_in_short(trouble), attempts_max=tries
            )
        if _is_permanent(trouble):
            return
        raise
    with pool.transaction() as conn:
        store.run(conn, "finish", id=identity, state=state.value)


def _in_short(trouble: Exception) -> str:
    return f"{type(trouble).__name__}: {trouble}"[:500]


def _is_permanent(trouble: Exception) -> bool:
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        return all(code >= _PERMANENT for code, _ in trouble.recipients.values())
    return isinstance(trouble, smtplib.SMTPResponseException) and trouble.smtp_code >= _PERMANENT
