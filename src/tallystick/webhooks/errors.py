"""Why the inbox takes nothing, or does nothing.

WebhookError
├── SignatureInvalid   nobody who knows the secret sent it, or not now
├── EventMalformed     it is signed, but it is no event
├── InboxBusy          the database is there, and does not keep it now
├── InboxFull          too many deliveries wait already
├── InboxClosed        the process ends
├── EventNotFound      there is no such event
├── EventNotReplayable it waits already, or what it says is booked
└── EventBlanked       its body is gone
"""

from __future__ import annotations

from uuid import UUID

from tallystick.errors import TallystickError
from tallystick.webhooks.model import EventState

__all__ = [
    "EventBlanked",
    "EventMalformed",
    "EventNotFound",
    "EventNotReplayable",
    "InboxBusy",
    "InboxClosed",
    "InboxFull",
    "SignatureInvalid",
    "WebhookError",
]


class WebhookError(TallystickError):
    """The inbox took nothing, or did nothing."""

    code = "webhook_error"


class SignatureInvalid(WebhookError):
    """The signature is missing, wrong, or too far from now on either side."""

    code = "webhook_signature_invalid"


class EventMalformed(WebhookError):
    """The body is signed, but it is no event that can be read."""

    code = "webhook_malformed"


class InboxBusy(WebhookError):
    """The database is there, and does not keep it: it is locked, full, or takes no writes."""

    code = "inbox_busy"


class InboxFull(WebhookError):
    """Too many deliveries wait already; nothing was kept."""

    code = "inbox_full"


class InboxClosed(WebhookError):
    """The process ends and takes no more deliveries; nothing was kept."""

    code = "inbox_closed"


class EventNotFound(WebhookError):
    """There is no such event."""

    code = "webhook_event_not_found"


class EventNotReplayable(WebhookError):
    """It waits to be processed already, or what it says is booked."""

    code = "webhook_event_not_replayable"

    def __init__(self, event_id: UUID, state: EventState) -> None:
        """Keep the event and where it stands."""
        super().__init__(f"The event is {state}: only failed and ignored ones are replayed.")
        self.event_id = event_id
        self.state = state


class EventBlanked(WebhookError):
    """Its body was blanked, so nobody can read any more what it said."""

    code = "webhook_event_blanked"
