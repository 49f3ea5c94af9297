"""The database's door: connections, transactions, named SQL and the database's clock.

Nothing here knows a table of a room. Heart code never commits: whoever opens a
transaction at a door closes it there.
"""

from __future__ import annotations

from tallystick.db import arrays
from tallystick.db.calls import records, require_transaction, rows, run
from tallystick.db.clock import ClockFixed, advance, back, now
from tallystick.db.connections import (
    Connection,
    Cursor,
    OwnConnection,
    Pool,
    connect,
    has_news,
    snapshot,
    transaction,
)
from tallystick.db.errors import (
    ConnectionUnsuitable,
    DatabaseError,
    DatabaseUnavailable,
    TransactionRequired,
)
from tallystick.db.statements import Statements
from tallystick.db.texts import is_text

__all__ = [
    "ClockFixed",
    "Connection",
    "ConnectionUnsuitable",
    "Cursor",
    "DatabaseError",
    "DatabaseUnavailable",
    "OwnConnection",
    "Pool",
    "Statements",
    "TransactionRequired",
    "advance",
    "arrays",
    "back",
    "connect",
    "has_news",
    "is_text",
    "now",
    "records",
    "require_transaction",
    "rows",
    "run",
    "snapshot",
    "transaction",
]
