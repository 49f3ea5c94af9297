"""Mail: letters to people, each a row in the deed's transaction, sent by a job.

It sends nothing itself while a transaction is open. With no mail server set, letters are
kept and read in development.
"""

from __future__ import annotations

from tallystick.mail.errors import MailError, MessageNotFound
from tallystick.mail.handlers import SEND, send
from tallystick.mail.model import Message, MessageState
from tallystick.mail.operations import queue
from tallystick.mail.queries import get, recent
from tallystick.mail.smtp import Sender, SmtpSender

__all__ = [
    "SEND",
    "MailError",
    "Message",
    "MessageNotFound",
    "MessageState",
    "Sender",
    "SmtpSender",
    "get",
    "queue",
    "recent",
    "send",
]
