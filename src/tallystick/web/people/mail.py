"""Django's mail as rows of the outbox, in the transaction of whoever writes.

It sends nothing: a job does, once the deed is committed.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from tallystick import db, mail
from tallystick.web.database import heart

__all__ = ["OutboxBackend"]


class OutboxBackend(BaseEmailBackend):
    """Keeps each letter through `tallystick.mail.queue`; the sender is the setting's, always."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep one row a recipient and return how many letters were given."""
        with heart() as conn:
            now = db.now(conn)
            for letter in email_messages:
                for to in letter.recipients():
                    mail.queue(
                        conn,
                        to=to,
                        subject=str(letter.subject),
                        text=str(letter.body),
                        html=_html(letter),
                        now=now,
                    )
        return len(email_messages)


def _html(letter: EmailMessage) -> str | None:
    if not isinstance(letter, EmailMultiAlternatives):
        return None
    found = [part for part, kind in letter.alternatives if kind == "text/html"]
    return str(found[0]) if found else None
