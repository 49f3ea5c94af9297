"""Reads of payments. Another owner's payment looks as if it were not there."""

from __future__ import annotations

from uuid import UUID

from tallystick.db import Connection
from tallystick.payments import store
from tallystick.payments.errors import PaymentNotFound
from tallystick.payments.model import Payment, Step

__all__ = ["get", "of_owner", "steps"]


def get(conn: Connection, *, payment_id: UUID, owner: str) -> Payment:
    """Return a payment of this owner; raise PaymentNotFound for any other."""
    found = store.read(conn, "by_id", id=payment_id)
    if not found or found[0].owner != owner:
        raise PaymentNotFound("There is no such payment.")
    return found[0]


def of_owner(
    conn: Connection, *, owner: str, limit: int = 20, before: UUID | None = None
) -> list[Payment]:
    """Return the newest payments of an owner, newest first; older than `before` if given."""
    return store.read(conn, "of_owner", owner=owner, most=limit, before=before)


def steps(conn: Connection, *, payment_id: UUID) -> list[Step]:
    """Return all moves of a payment in their order."""
    return store.steps(conn, payment_id)
