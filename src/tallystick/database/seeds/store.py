"""Typed calls to the seeds' SQL: whether a database is fresh, whose turn it is, demo rows."""

from __future__ import annotations

import json
from typing import Final

from tallystick import db
from tallystick.database.seeds.rows import Rows
from tallystick.db import Connection, Statements

__all__ = ["is_fresh", "keep", "take_turn"]

STATEMENTS: Final = Statements(__package__)


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
    for table, rows in made.tables.items():
        db.run(conn, STATEMENTS[f"keep_{table}"], {"rows": json.dumps(rows, default=str)})
