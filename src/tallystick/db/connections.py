"""Connections to PostgreSQL: one, or a bounded pool, always with a deadline.

A connection here is never in autocommit. Those of a pool have their statements prepared by the
server, which they must reach directly; behind the others a transaction pooler may stand.
"""

from __future__ import annotations

import select
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol, Self, TypeVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from tallystick.db.arrays import Column
from tallystick.db.errors import DatabaseUnavailable

_Result = TypeVar("_Result")

__all__ = [
    "Connection",
    "Cursor",
    "OwnConnection",
    "Pool",
    "connect",
    "has_news",
    "snapshot",
    "transaction",
]

#: Seconds after which an idle connection's silence is probed, and its peer given up.
_KEEPALIVES: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: Milliseconds after which sent bytes that nobody acknowledges end a connection.
_SILENCE_MS: Final = 5_000
#: A statement is prepared when it runs so many times on one connection.
_PREPARED_AFTER: Final = 3
#: Where PostgreSQL finds that out; it has no code of its own, and its words are in many languages.
_DEAD_PLAN: Final = "RevalidateCachedQuery"
#: Seconds for which a connection that was heard needs not be asked whether it lives.
_FRESH_S: Final = 1.0
_SESSION: Final = (
    "-c timezone=UTC -c idle_in_transaction_session_timeout=30s -c statement_timeout=30s"
)


class Cursor(Protocol):
    """What the heart uses of a DB-API cursor, and nothing else."""

    def execute(self, query: Any, params: Sequence[Any] | Mapping[str, Any] | None = ..., /) -> Any:
        """Run one statement."""

    def fetchall(self) -> Sequence[Any]:
        """Return all rows that are left."""

    @property
    def description(self) -> Sequence[Any] | None:
        """Return the columns of the rows: name first, then the number of its type."""

    def close(self) -> None:
        """Let it go."""


class Connection(Protocol):
    """What the heart uses of a DB-API connection: cursors, and nothing else."""

    def cursor(self) -> Any:
        """Return a new cursor, as `Cursor` says."""


class _ColumnDumper(Dumper):
    """Hands a column over in PostgreSQL's binary form; the statement says of which type it is."""

    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        """Return the array's bytes."""
        return obj.binary()


class OwnConnection(psycopg.Connection[Any]):
    """A connection of ours: it takes columns in binary, and may be given up when it is silent.

    The kernel finds out a server that takes no bytes; one that takes them and never answers is
    found out here.
    """

    #: Seconds of the server's silence after which it is given up; 0 for never.
    silence_s = 0.0
    #: When the server was last heard, in monotonic seconds.
    heard_at = 0.0
    #: Whether its cursors send parameters apart from the statement, so that columns go in binary.
    takes_columns = True

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """Return a new connection, which knows columns."""
        conn = super().connect(conninfo, **options)
        conn.adapters.register_dumper(Column, _ColumnDumper)
        return conn

    def is_hopeless(self, silent_s: float) -> bool:
        """Return whether a server that has said nothing for so many seconds is given up."""
        return 0 < self.silence_s < silent_s

    @property
    def is_fresh(self) -> bool:
        """Return whether the server was heard just now, and has not said farewell since."""
        return time.monotonic() - self.heard_at < _FRESH_S and not has_news(self)

    def wait(self, gen: Generator[Any, Any, _Result], *args: Any, **options: Any) -> _Result:
        """Wait as ever, and look at the clock at each interval."""
        return super().wait(self._listening(gen), *args, **options)

    def _listening(self, gen: Generator[Any, Any, _Result]) -> Generator[Any, Any, _Result]:
        self.heard_at = time.monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state
                if ready:
                    self.heard_at = time.monotonic()
                elif self.is_hopeless(time.monotonic() - self.heard_at):
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the database is silent")
                state = gen.send(ready)
        except StopIteration as end:
            result: _Result = end.value
            return result


def has_news(conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> bool:
    """Return whether the server has sent what nobody asked for, as a farewell, or is gone."""
    if conn.closed:
        return True
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def connect(
    url: str, *, application_name: str, timeout_s: int = 2, silence_s: float | None = None
) -> psycopg.Connection:
    """Return a new connection, not in autocommit; raise DatabaseUnavailable past `timeout_s`.

    With `silence_s` it is broken, with psycopg's OperationalError, where the server says nothing
    for so many seconds.
    """
    try:
        conn = OwnConnection.connect(url, **_options(application_name, timeout_s))
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable("The database does not answer; nothing was done.") from error
    conn.silence_s = silence_s or 0.0
    return conn


@contextmanager
def transaction(conn: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Open a transaction: commit at the end, roll back on an error."""
    with conn.transaction():
        yield conn


@contextmanager
def snapshot(conn: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """Open a transaction that reads all from one moment, however long, and writes nothing."""
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        conn.execute("SET LOCAL statement_timeout = 0")
        yield conn


class Pool:
    """A bounded pool of connections; opened at the first use, healed by itself.

    Its address leads to PostgreSQL itself: statements that come again are prepared there.
    """

    def __init__(self, url: str, *, size_max: int, timeout_s: int, application_name: str) -> None:
        """Keep what is needed; no connection is made before the first use.

        `timeout_s` bounds the wait for a connection, in seconds.
        """
        self._pool: Final = ConnectionPool(
            url,
            connection_class=OwnConnection,
            kwargs={
                **_options(application_name, timeout_s),
                "prepare_threshold": _PREPARED_AFTER,
            },
            min_size=0,
            max_size=size_max,
            max_waiting=4 * size_max,
            max_idle=60.0,
            timeout=timeout_s,
            reconnect_timeout=timeout_s,
            check=_check,
            open=False,
            name=application_name,
        )

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Connection]:
        """Open a transaction on a pooled connection; raise DatabaseUnavailable without one."""
        self._pool.open()
        try:
            conn = self._pool.getconn()
        except (PoolTimeout, PoolClosed, psycopg.OperationalError) as error:
            # What the pool keeps may be dead, each taking its turn to be found out: none is kept.
            with suppress(PoolClosed):
                self._pool.drain()
            raise DatabaseUnavailable("The database does not answer; nothing was done.") from error
        try:
            with conn.transaction():
                yield conn
        except psycopg.errors.FeatureNotSupported as trouble:
            # A migration has changed what a prepared statement returns: its plan is dead for good.
            if trouble.diag.source_function != _DEAD_PLAN:
                raise
            conn.close()
            with suppress(PoolClosed):
                self._pool.drain()
            raise DatabaseUnavailable("The schema has changed; nothing was kept.") from trouble
        finally:
            self._pool.putconn(conn)

    def close(self) -> None:
        """Close all connections, waiting at most 2 s for those in use."""
        self._pool.close(timeout=2)


def _check(conn: OwnConnection) -> None:
    """Raise psycopg.OperationalError for a dead connection; who is fresh is not asked."""
    if not conn.is_fresh:
        ConnectionPool.check_connection(conn)


def _options(application_name: str, timeout_s: int) -> dict[str, Any]:
    return {
        "application_name": application_name,
        "connect_timeout": timeout_s,
        "options": _SESSION,
        "prepare_threshold": None,
        "tcp_user_timeout": _SILENCE_MS,
        **_KEEPALIVES,
    }
