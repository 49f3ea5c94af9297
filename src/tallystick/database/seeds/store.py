"""Typed calls to the seeds' SQL: whether a database is fresh, whose turn it is, demo rows."""

from __future__ import annotations

import json
from typing import Final

from tallystick import db
from tallystick.database.seeds.rows import Rows
from tallystick.db import Connection, Statements

__all__ = ["is_fresh", "keep", "take_turn"]

STATEMENTS: Final = Statements(__package__)
#: In the order in which rows refer to one another.
_KEEP: Final = {
    "payment": "keep_payment",
    "collection": "keep_collection",
    "refund": "keep_refund",
    "payment_step": "keep_payment_step",
    "attempt": "keep_attempt",
    "dispute": "keep_dispute",
    "review": "keep_review",
}


def is_fresh(conn: Connection) -> bool:
    """Return whether nobody has ever had an account in this database."""
    [(fresh,)] = db.rows(conn, STATEMENTS["is_fresh"], {})
    return bool(fresh)


def take_turn(conn: Connection) -> bool:
    """Take the turn until the transaction ends, and return whether it was free."""
    [(is_ours,)] = db.rows(conn, STATEMENTS["take_turn"], {})
    return bool(is_ours)


def keep(conn: Connection, made: Rows) -> None:
    """Write the demo's payments and all that belongs to them."""
    for table, name in _KEEP.items():
        rows = json.dumps(made.tables[table], default=str)
        db.run(conn, STATEMENTS[name], {"rows": rows})
