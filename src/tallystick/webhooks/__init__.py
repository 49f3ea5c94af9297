"""The inbox: what providers tell us, verified, kept once, processed later.

The kept row is the queue. It de-duplicates on what is processed, not on what was seen, and
knows no provider: they bring a Verifier and a Source, payments a Handler.
"""

from __future__ import annotations

from tallystick.webhooks.errors import (
    EventBlanked,
    EventMalformed,
    EventNotFound,
    EventNotReplayable,
    InboxBusy,
    InboxClosed,
    InboxFull,
    SignatureInvalid,
    WebhookError,
)
from tallystick.webhooks.handlers import BLANK, blank, drain
from tallystick.webhooks.keeper import Keeper
from tallystick.webhooks.model import (
    Delivery,
    Event,
    EventState,
    Gauges,
    Handled,
    Handler,
    Kept,
    Receipt,
    Source,
    SourceAway,
    Verifier,
    Way,
)
from tallystick.webhooks.operations import REPLAYED_MAX, ignore, receive, replay, replay_failed
from tallystick.webhooks.poller import POLL, poll
from tallystick.webhooks.queries import (
    LISTED_MAX,
    count_by_state,
    count_failed,
    events,
    gaps,
    mentions,
    oldest_due_s,
)
from tallystick.webhooks.rules import EVENTS_MAX
from tallystick.webhooks.store import CHANNEL

__all__ = [
    "BLANK",
    "CHANNEL",
    "EVENTS_MAX",
    "LISTED_MAX",
    "POLL",
    "REPLAYED_MAX",
    "Delivery",
    "Event",
    "EventBlanked",
    "EventMalformed",
    "EventNotFound",
    "EventNotReplayable",
    "EventState",
    "Gauges",
    "Handled",
    "Handler",
    "InboxBusy",
    "InboxClosed",
    "InboxFull",
    "Keeper",
    "Kept",
    "Receipt",
    "SignatureInvalid",
    "Source",
    "SourceAway",
    "Verifier",
    "Way",
    "WebhookError",
    "blank",
    "count_by_state",
    "count_failed",
    "drain",
    "events",
    "gaps",
    "ignore",
    "mentions",
    "oldest_due_s",
    "poll",
    "receive",
    "replay",
    "replay_failed",
]
