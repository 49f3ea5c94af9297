"""The database's clock, and the test clock's offset upon it.

`now` decides expiries and windows. Leases use the raw database clock, durations the
process's own. The test clock never moves in production.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.db.calls import rows, run
from tallystick.db.connections import Connection
from tallystick.db.errors import ClockFixed

__all__ = ["ClockFixed", "advance", "back", "now"]


def now(conn: Connection) -> datetime:
    """Return the time of the open transaction, moved by the test clock, with its zone."""
    [(moment,)] = rows(conn, "SELECT tallystick.now() AS now")
    assert isinstance(moment, datetime)
    return moment


def advance(conn: Connection, *, seconds: int, environment: str) -> datetime:
    """Move the test clock on by `seconds` and return the new time.

    Raises ClockFixed in production and for a step backwards.
    """
    if environment == "production":
        raise ClockFixed("The test clock does not move in production.")
    if seconds < 0:
        raise ClockFixed("The test clock moves forwards only: give seconds above 0.")
    run(
        conn,
        "INSERT INTO tallystick.test_clock AS clock (offset_s) VALUES (%(seconds)s)"
        " ON CONFLICT (only_row) DO UPDATE SET offset_s = clock.offset_s + excluded.offset_s",
        {"seconds": seconds},
    )
    return now(conn)


def back(conn: Connection, *, environment: str) -> datetime:
    """Take the test clock away and return the time, which is the database's own again.

    For a lab: what was to happen in the future that was lived in waits until then. Entries of the
    books keep their order. Raises ClockFixed in production.
    """
    if environment == "production":
        raise ClockFixed("The test clock does not move in production.")
    run(conn, "DELETE FROM tallystick.test_clock", {})
    return now(conn)
