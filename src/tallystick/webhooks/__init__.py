"""The inbox: what providers tell us, verified, kept once, processed later.

The kept row is the queue. It de-duplicates on what is processed, not on what was seen, and
knows no provider: they bring a Verifier, payments a Handler.
"""

from __future__ import annotations

from tallystick.webhooks.errors import EventMalformed, SignatureInvalid, WebhookError
from tallystick.webhooks.handlers import CHANNEL, drain
from tallystick.webhooks.model import Event, EventState, Handled, Handler, Receipt, Verifier
from tallystick.webhooks.operations import receive
from tallystick.webhooks.queries import count_by_state

__all__ = [
    "CHANNEL",
    "Event",
    "EventMalformed",
    "EventState",
    "Handled",
    "Handler",
    "Receipt",
    "SignatureInvalid",
    "Verifier",
    "WebhookError",
    "count_by_state",
    "drain",
    "receive",
]
