"""The database's door: connections, transactions, named SQL and the database's clock.

Nothing here knows a table of a room. Heart code never commits: whoever opens a
transaction at a door closes it there.
"""

from __future__ import annotations

from tallystick.db.clock import ClockFixed, advance, now
from tallystick.db.connections import Connection, Cursor, Pool, connect, transaction
from tallystick.db.errors import DatabaseError, DatabaseUnavailable, TransactionRequired
from tallystick.db.statements import Statements
from tallystick.db.transactions import require_transaction

__all__ = [
    "ClockFixed",
    "Connection",
    "Cursor",
    "DatabaseError",
    "DatabaseUnavailable",
    "Pool",
    "Statements",
    "TransactionRequired",
    "advance",
    "connect",
    "now",
    "require_transaction",
    "transaction",
]
