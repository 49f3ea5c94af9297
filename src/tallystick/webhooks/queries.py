"""Reads of the inbox, for health and for tests."""

from __future__ import annotations

from tallystick.db import Connection
from tallystick.webhooks import store

__all__ = ["count_by_state"]


def count_by_state(conn: Connection) -> dict[str, int]:
    """Return how many events stand in each state; states without events are left out."""
    return store.counts(conn)
