"""The room's background work: records past their time go, batch by batch."""

from __future__ import annotations

from typing import Final

from tallystick import db
from tallystick.db import Pool
from tallystick.idempotency import operations

__all__ = ["PRUNE", "prune"]

#: The job that deletes old records.
PRUNE: Final = "idempotency.prune"


def prune(*, pool: Pool) -> None:
    """Delete all records older than 90 days, each batch in a transaction of its own."""
    gone = 1
    while gone:
        with pool.transaction() as conn:
            gone = operations.prune(conn, now=db.now(conn))
