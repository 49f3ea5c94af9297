"""The way out of the house for letters: SMTP, with a deadline and TLS where it is asked for."""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

from tallystick.mail.model import Message

__all__ = ["Sender", "SmtpSender"]


class Sender(Protocol):
    """Whoever takes a letter out of the house."""

    def send(self, message: Message) -> None:
        """Hand the letter over; raise OSError or smtplib.SMTPException where it was not taken."""
        ...


@dataclass(frozen=True)
class SmtpSender:
    """A mail server at `smtp://user:password@host:587?tls=starttls` (tls: starttls, on, off)."""

    url: str
    mail_from: str
    timeout_s: int = 10

    def send(self, message: Message) -> None:
        """Hand the letter over within `timeout_s` a step; raise OSError or SMTPException."""
        parts = urlsplit(self.url)
        tls = parse_qs(parts.query).get("tls", ["starttls"])[0]
        host, port = parts.hostname or "localhost", parts.port or 587
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(host, port, timeout=self.timeout_s, context=context)
            if tls == "on"
            else smtplib.SMTP(host, port, timeout=self.timeout_s)
        )
        with server:
            if tls == "starttls":
                server.starttls(context=context)
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(self._letter(message))

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"] = self.mail_from
        letter["To"] = message.to
        letter["Subject"] = message.subject
        letter["Date"] = formatdate(message.created_at.timestamp())
        letter["Message-ID"] = make_msgid(idstring=str(message.id), domain="tallystick.invalid")
        letter.set_content(message.text)
        if message.html:
            letter.add_alternative(message.html, subtype="html")
        return letter
