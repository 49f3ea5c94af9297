"""Typed calls to the seeds' SQL: whether a database is fresh, and whose turn it is to seed it."""

from __future__ import annotations

from typing import Final

from tallystick import db
from tallystick.db import Connection, Statements

__all__ = ["is_fresh", "take_turn"]

STATEMENTS: Final = Statements(__package__)


def is_fresh(conn: Connection) -> bool:
    """Return whether nobody has ever had an account in this database."""
    [(fresh,)] = db.rows(conn, STATEMENTS["is_fresh"], {})
    return bool(fresh)


def take_turn(conn: Connection) -> bool:
    """Take the turn until the transaction ends, and return whether it was free."""
    [(is_ours,)] = db.rows(conn, STATEMENTS["take_turn"], {})
    return bool(is_ours)
