"""The verb of the inbox: verify, keep once. It processes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tallystick.db import Connection
from tallystick.webhooks import store
from tallystick.webhooks.handlers import CHANNEL
from tallystick.webhooks.model import Receipt, Verifier

__all__ = ["receive"]


def receive(
    conn: Connection,
    *,
    provider: str,
    verifier: Verifier,
    raw: bytes,
    headers: Mapping[str, str],
    now: datetime,
) -> Receipt:
    """Keep a delivery that its provider signed, and say whether it is new.

    The row is durable once the caller's transaction commits: answer 2xx only then. Raises
    SignatureInvalid or EventMalformed before anything is kept.
    """
    event = verifier.read(raw, headers, now)
    is_new = store.keep(conn, provider, event, now=now)
    if is_new:
        store.wake(conn, CHANNEL)
    return Receipt(event.external_id, is_new)
