"""What the database's door refuses.

DatabaseError
├── DatabaseUnavailable   no connection within the deadline
├── TransactionRequired   the caller's connection commits every statement by itself
├── ConnectionUnsuitable  the caller's connection cannot be used from here
└── ClockFixed    somebody wants to move time in production
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = [
    "ClockFixed",
    "ConnectionUnsuitable",
    "DatabaseError",
    "DatabaseUnavailable",
    "TransactionRequired",
]


class DatabaseError(TallystickError):
    """Something stands between us and the database."""

    code = "database_error"


class DatabaseUnavailable(DatabaseError):
    """No connection could be had within the deadline; nothing was done."""

    code = "database_unavailable"


class TransactionRequired(DatabaseError):
    """Money moves only inside an open READ COMMITTED transaction of the caller."""

    code = "transaction_required"


class ConnectionUnsuitable(DatabaseError):
    """The caller's connection needs an event loop, or reads fields in a way that loses some."""

    code = "connection_unsuitable"


class ClockFixed(DatabaseError):
    """The test clock exists for development and tests alone."""

    code = "clock_fixed"
