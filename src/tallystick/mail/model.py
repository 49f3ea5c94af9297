"""What a letter is. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

__all__ = ["Message", "MessageState"]


class MessageState(StrEnum):
    """Where a letter stands."""

    PENDING = "pending"  #: its job will send it
    SENT = "sent"  #: the mail server took it
    KEPT = "kept"  #: no mail server is set: it is read where it lies
    FAILED = "failed"  #: the mail server refused it for good


@dataclass(frozen=True, slots=True)
class Message:
    """A letter to one person."""

    id: UUID
    to: str
    subject: str
    text: str
    html: str | None
    state: MessageState
    created_at: datetime
    sent_at: datetime | None
