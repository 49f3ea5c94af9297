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


def send(*, pool: Pool, sender: Sender | None, message_id: str) -> None:
    """Send a pending letter, or mark it kept where no mail server is set.

    Raises OSError or SMTPException where another try may help: the job is then run again.
    """
    identity = UUID(message_id)
    with pool.transaction() as conn:
        message = queries.get(conn, message_id=identity)
    if message.state is not MessageState.PENDING:
        return
    state, error = MessageState.KEPT, None
    if sender is not None:
        state = MessageState.SENT
        try:
            sender.send(message)
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as refusal:
            if not _is_permanent(refusal):
                raise
            state, error = MessageState.FAILED, type(refusal).__name__
    with pool.transaction() as conn:
        store.run(conn, "finish", id=identity, state=state.value, error=error)


def _is_permanent(refusal: smtplib.SMTPException) -> bool:
    if isinstance(refusal, smtplib.SMTPRecipientsRefused):
        return all(code >= _PERMANENT for code, _ in refusal.recipients.values())
    return isinstance(refusal, smtplib.SMTPResponseException) and refusal.smtp_code >= _PERMANENT
