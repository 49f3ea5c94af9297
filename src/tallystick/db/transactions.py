"""What a verb that writes asks of its caller: an open READ COMMITTED transaction.

In autocommit every statement commits by itself: locks are gone before they serve, and a
deed is half done when something fails.
"""

from __future__ import annotations

from typing import Final

from tallystick import ids
from tallystick.db.connections import Connection
from tallystick.db.errors import TransactionRequired

__all__ = ["require_transaction"]

_MARK: Final = (
    "SELECT set_config('tallystick.transaction', %s, true),"
    " current_setting('transaction_isolation')"
)
_SEEN: Final = "SELECT current_setting('tallystick.transaction', true)"


def require_transaction(conn: Connection) -> None:
    """Raise TransactionRequired in autocommit, or under another isolation than READ COMMITTED.

    A setting that is local to the transaction is gone by the next statement in autocommit. That
    is all that a plain DB-API cursor can tell, whatever driver it is of.
    """
    mark = str(ids.new())
    with conn.cursor() as cursor:
        cursor.execute(_MARK, (mark,))
        row = cursor.fetchone()
        cursor.execute(_SEEN)
        seen = cursor.fetchone()
    if row is None or row[1] != "read committed":
        raise TransactionRequired("Write in a READ COMMITTED transaction: set no other level.")
    if seen is None or seen[0] != mark:
        raise TransactionRequired("Write inside an open transaction: turn autocommit off.")
