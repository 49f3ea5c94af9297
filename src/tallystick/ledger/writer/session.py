"""The Writer's connection: one transaction a batch, and the question what became of it.

A connection that is lost at COMMIT leaves two possibilities; the database is asked which.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

import psycopg
import structlog

from tallystick import db
from tallystick.db import DatabaseUnavailable
from tallystick.ledger import store
from tallystick.ledger.model import Deed, Outcome, Posted
from tallystick.ledger.operations import execute
from tallystick.ledger.writer.errors import OutcomeUnknown
from tallystick.ledger.writer.model import Gauges

__all__ = ["ConnectionLost", "Session"]

#: Seconds between two questions about a transaction that still runs, or to a server that is away.
_ASK_EVERY_S: Final = 0.02
_CONNECT_EVERY_S: Final = 0.1
#: What a server says that does not know the statement which another one prepared.
_NOT_PREPARED: Final = (
    psycopg.errors.InvalidSqlStatementName,
    psycopg.errors.DuplicatePreparedStatement,
)

log: Final = structlog.get_logger(__name__)


class ConnectionLost(Exception):
    """The connection was lost before the COMMIT, or the COMMIT never arrived: nothing was done."""


class Session:
    """A connection that is opened when it is needed, and again after it was lost."""

    def __init__(
        self, url: str, *, timeout_s: int, silence_s: float, name: str, gauges: Gauges
    ) -> None:
        """Keep the address; `timeout_s` bounds a connect, `silence_s` every wait for an answer."""
        self._url = url
        self._timeout_s = timeout_s
        self._silence_s = silence_s
        self._name = name
        self._gauges = gauges
        self._conn: psycopg.Connection | None = None
        self._may_prepare = True
        #: A transaction that was left behind, and the backend that may not have noticed yet.
        self._left: tuple[str, int] | None = None

    def commit(
        self, deeds: Sequence[Deed], *, lock_wait_ms: int, ask_until: float
    ) -> list[Outcome]:
        """Do the deeds in a transaction of their own and return what became of each.

        Waits `lock_wait_ms` for each lock. Raises DatabaseUnavailable, ConnectionLost where
        nothing was done, OutcomeUnknown where that could not be learned until `ask_until`
        (monotonic seconds), and what the deeds raise: then nothing was done either.
        """
        conn = self._connected()
        backend, xid, outcomes = conn.info.backend_pid, None, None
        try:
            # What needs no answer is sent with what follows: the server works while we write on.
            with conn.pipeline():
                xid = store.enter(conn, lock_wait_ms=lock_wait_ms)
                outcomes = execute(conn, deeds, key_wait_ms=lock_wait_ms)
                conn.commit()
        except _NOT_PREPARED as error:
            # Some pooler stands between after all, and gave us another's connection.
            log.warning("writer_behind_a_pooler", advice="set TALLYSTICK_DIRECT_DATABASE_URL")
            self._may_prepare = False
            self.close()
            raise ConnectionLost from error
        except BaseException as error:
            self._undo()
            if self._conn is not None or not isinstance(error, psycopg.Error):
                raise
            if xid is None or outcomes is None:
                self._left = None if xid is None else (xid, backend)
                raise ConnectionLost from error
            # The COMMIT may have been sent: only the server knows whether it arrived.
            if not self._was_committed(outcomes, xid, backend, ask_until):
                raise ConnectionLost from error
        return outcomes

    def held(self, accounts: Collection[UUID]) -> set[UUID]:
        """Return those accounts that somebody else has locked at this moment.

        Nothing where the database cannot be asked: the next commit meets the same trouble.
        """
        try:
            conn = self._connected()
            found = store.accounts_held(conn, accounts)
        except (DatabaseUnavailable, psycopg.Error):
            found = set()
        self._undo()
        return found

    def is_free_within(self, account: UUID, *, wait_ms: int) -> bool:
        """Return whether an account could be locked within so many milliseconds.

        It is let go at once. True also where the database cannot be asked, as `held` says.
        """
        try:
            conn = self._connected()
            store.enter(conn, lock_wait_ms=wait_ms)
            store.lock_account_alone(conn, account)
        except psycopg.errors.LockNotAvailable:
            return False
        except (DatabaseUnavailable, psycopg.Error):
            return True
        finally:
            self._undo()
        return True

    def close(self) -> None:
        """Drop the connection; what it had not committed is undone."""
        conn, self._conn = self._conn, None
        if conn is not None:
            with suppress(psycopg.Error):
                conn.close()

    def _connected(self) -> psycopg.Connection:
        if self._conn is None:
            conn = self._connect()
            if self._left is not None:
                # It may hold its locks against us for as long as nobody tells it.
                store.end_session(conn, *self._left)
                conn.rollback()
                self._left = None
            self._conn = conn
        return self._conn

    def _connect(self) -> psycopg.Connection:
        conn = db.connect(
            self._url,
            application_name=self._name,
            timeout_s=self._timeout_s,
            silence_s=self._silence_s,
        )
        # A batch is few statements, always the same: planned once, they take two thirds.
        conn.prepare_threshold = 0 if self._may_prepare else None
        return conn

    def _undo(self) -> None:
        """Undo what was begun, and let the connection go where it is lost."""
        if self._conn is None:
            return
        with suppress(psycopg.Error):
            self._conn.rollback()
        if self._conn.closed:
            self._conn = None

    def _was_committed(
        self, outcomes: Sequence[Outcome], xid: str, backend: int, until: float
    ) -> bool:
        """Return whether a batch whose connection was lost at COMMIT was committed.

        First its transaction must have ended; then its own rows tell. The transaction's number
        alone does not: after a crash, numbers that never reached the disk are given out again.
        """
        self._gauges.trouble("outcome_asked")
        posted = next((one.deed.id for one in outcomes if isinstance(one, Posted)), None)
        while time.monotonic() < until:
            with suppress(DatabaseUnavailable, psycopg.OperationalError), self._connect() as conn:
                conn.autocommit = True
                while time.monotonic() < until:
                    # It may not have heard that its client is gone, and keeps its locks till then.
                    if store.end_session(conn, xid, backend):
                        time.sleep(_ASK_EVERY_S)
                        continue
                    # Without a posting nothing was done that cannot be done again.
                    return posted is not None and store.has_posting(conn, posted)
            time.sleep(_CONNECT_EVERY_S)
        raise OutcomeUnknown(
            "The database went away at the commit: whether it was done is not known. Send it"
            " again with the same key; it happens once."
        )
