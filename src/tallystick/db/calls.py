"""How the heart speaks to a DB-API connection, whoever made it.

It uses `cursor()`, `execute`, `fetchall`, `description` and `close`, and rests on no driver's
own types: rows come back as tuples of UUIDs, bytes and moments with their zone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any, Final
from uuid import UUID

from psycopg.pq import TransactionStatus

from tallystick import ids
from tallystick.db.arrays import as_text
from tallystick.db.connections import Connection, OwnConnection
from tallystick.db.errors import ConnectionUnsuitable, TransactionRequired

__all__ = ["records", "require_transaction", "rows", "run"]

Row = tuple[Any, ...]


def rows(conn: Connection, statement: str, values: Mapping[str, object] | None = None) -> list[Row]:
    """Run one statement that returns rows and return them all, each as a tuple.

    Raises ConnectionUnsuitable for a connection that only an event loop can use, and for one
    that reads moments without their zone.
    """
    with _run(conn, statement, values) as cursor:
        return _tuples(cursor.fetchall(), cursor.description)


def records(
    conn: Connection, statement: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Run one statement that returns rows and return them by the names of their columns."""
    with _run(conn, statement, values) as cursor:
        # Asked first: in a pipeline there is no description before.
        fetched = cursor.fetchall()
        found = _tuples(fetched, cursor.description)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in found]


def run(conn: Connection, statement: str, values: Mapping[str, object] | None = None) -> None:
    """Run one statement that returns nothing."""
    with _run(conn, statement, values):
        pass


def require_transaction(conn: Connection) -> None:
    """Raise TransactionRequired unless a READ COMMITTED transaction is open; write nothing."""
    is_open, isolation = _own_state(conn) if isinstance(conn, OwnConnection) else _state(conn)
    if not is_open:
        raise TransactionRequired("Open a transaction first: turn autocommit off.")
    if isolation != "read committed":
        raise TransactionRequired("Open a READ COMMITTED transaction: set no other level.")


def _own_state(conn: OwnConnection) -> tuple[bool, str]:
    """Return whether a transaction is open, and its isolation: ours knows the first by itself."""
    [(isolation,)] = rows(conn, "SELECT current_setting('transaction_isolation') AS isolation")
    # Without autocommit every statement opens one; in a pipeline the status says nothing.
    is_open = not conn.autocommit or conn.info.transaction_status is TransactionStatus.INTRANS
    return is_open, isolation


def _state(conn: Connection) -> tuple[bool, str]:
    """Return whether a transaction is open, and its isolation.

    A mark that lasts as long as the transaction is set by one statement and read by the next: in
    autocommit it is gone by then.
    """
    mark = str(ids.new())
    [(_, isolation)] = rows(
        conn,
        "SELECT set_config('tallystick.open', %(mark)s, TRUE) AS mark,"
        " current_setting('transaction_isolation') AS isolation",
        {"mark": mark},
    )
    [(seen,)] = rows(conn, "SELECT current_setting('tallystick.open', TRUE) AS mark")
    return seen == mark, isolation


@contextmanager
def _run(conn: Connection, statement: str, values: Mapping[str, object] | None) -> Iterator[Any]:
    cursor = conn.cursor()
    if iscoroutinefunction(cursor.execute):
        raise ConnectionUnsuitable(
            "This connection belongs to an event loop: call from SQLAlchemy's run_sync, and hand"
            " over session.connection().connection."
        )
    takes_columns = isinstance(conn, OwnConnection) and conn.takes_columns
    if values is not None and not takes_columns:
        values = as_text(values)
    with closing(cursor):
        cursor.execute(statement, values)
        yield cursor


def _tuples(found: Sequence[Any], columns: Sequence[Any]) -> list[Row]:
    """Return rows as tuples, whatever the caller's row factory and loaders make of them."""
    if not found:
        return []
    if isinstance(found[0], Mapping):
        plain = [tuple(row.values()) for row in found]
    elif isinstance(found[0], tuple | list):
        plain = [tuple(row) for row in found]
    else:
        raise ConnectionUnsuitable("Rows must come as tuples or mappings: change the row factory.")
    for at, column in enumerate(columns):
        reader = _READERS.get(column[1])
        if reader is not None and not _fits(plain, at, reader):
            plain = [(*row[:at], reader(row[at]), *row[at + 1 :]) for row in plain]
    return plain


def _fits(found: Sequence[Row], at: int, reader: Callable[[Any], Any]) -> bool:
    """Return whether a column needs no reading: a driver reads all fields of one column alike."""
    sample = next((row[at] for row in found if row[at] is not None), None)
    return reader(sample) is sample


def _bytes(field: Any) -> bytes | None:
    """Return bytes of bytes, of a memoryview, or of PostgreSQL's hexadecimal text."""
    if field is None or isinstance(field, bytes):
        return field
    return bytes.fromhex(field.removeprefix("\\x")) if isinstance(field, str) else bytes(field)


def _uuid(field: Any) -> UUID | None:
    return field if field is None or isinstance(field, UUID) else UUID(str(field))


def _moment(field: Any) -> datetime | None:
    """Return a moment with its zone; text is PostgreSQL's own, in ISO style."""
    if field is None:
        return None
    moment = datetime.fromisoformat(field) if isinstance(field, str) else field
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectionUnsuitable(
            "This connection reads moments without their zone: in Django, set USE_TZ = True."
        )
    return moment


#: Types by their number in PostgreSQL's catalogue, which every driver gives in `description`.
_READERS: Final[Mapping[int, Callable[[Any], Any]]] = {17: _bytes, 1184: _moment, 2950: _uuid}
