"""Typed calls to the room's SQL, over any DB-API cursor. It decides nothing.

Rows may come as tuples or as mappings: the caller's connection says which.
"""

from __future__ import annotations

from typing import Any, Final

from tallystick import db
from tallystick.db import Connection, Statements

__all__ = ["STATEMENTS", "read"]

STATEMENTS: Final = Statements("tallystick.jobs")


def read(conn: Connection, statement: str, /, **values: object) -> list[tuple[Any, ...]]:
    """Run a named statement and return its rows as tuples."""
    return db.rows(conn, STATEMENTS[statement], values)
