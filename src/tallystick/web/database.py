"""Django's way to PostgreSQL: its pool, the heart's connection, the gate and the pulse.

It holds no SQL. A request borrows one connection, and waits no longer than the settings say;
while the database is known to be away, nobody waits at all, and a silent one is found out.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from tallystick.db import DatabaseUnavailable, OwnConnection

if TYPE_CHECKING:
    from tallystick.settings import Settings

__all__ = [
    "GATE",
    "Gate",
    "Pulse",
    "django_database",
    "heart",
    "is_busy",
    "is_outage",
    "whole_heart",
]

_Result = TypeVar("_Result")

#: Seconds after which an idle connection's silence is probed, and its peer given up.
_KEEPALIVES: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: Milliseconds after which bytes that nobody acknowledges mean that the peer is gone.
_UNACKNOWLEDGED_MS: Final = 2_000
#: What the server itself ends: a statement, a wait for a lock, a transaction that does nothing.
_SESSION: Final = (
    "-c statement_timeout=9s -c lock_timeout=5s -c idle_in_transaction_session_timeout=15s"
)
#: How long everyone is answered at once before one request tries again.
_CLOSED_S: Final = 1.0
#: How long that one may take before another tries.
_PROBE_S: Final = 5.0
#: Part of the settings' wait that a checkout may use, so that the answer is out within it.
_CHECKOUT_SHARE: Final = 0.75
#: Connection lost, server shutting down or starting, too many connections.
_AWAY: Final = ("08", "57P01", "57P02", "57P03", "53300")
#: A lock or a statement took too long: the database is there, and busy.
_BUSY: Final = frozenset({"55P03", "57014"})
#: How long a request may take before the database's pulse is felt, and how often then.
_PATIENCE_S: Final = 1.0
#: How long the database has to let one more connection in.
_PULSE_S: Final = 0.8
#: Silence after which a connection is given up while the gate is shut.
_SILENCE_S: Final = 0.3
#: How long a thread has to notice that and to answer by itself.
_LETTING_GO_S: Final = 0.4
#: No request is waited for longer, whatever it does.
_ANSWER_WITHIN_S: Final = 10.0


class Gate:
    """Whether requests may go to the database: shut by the first that could not reach it.

    Shut, it refuses everyone for a second, then lets one through to try. It is one process's
    own, and it guards only waiting: a wrong guess costs one request its time.
    """

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        """Begin open; `now` gives monotonic seconds."""
        self._now = now
        self._lock = threading.Lock()
        self._refuse_until: float | None = None

    @property
    def is_open(self) -> bool:
        """Return whether nobody is refused."""
        return self._refuse_until is None

    def admit(self) -> bool:
        """Return whether the caller may go; where that is to try, others wait for its word."""
        with self._lock:
            if self._refuse_until is None:
                return True
            if self._now() < self._refuse_until:
                return False
            self._refuse_until = self._now() + _PROBE_S
            return True

    def failed(self) -> None:
        """Shut: the database could not be reached."""
        with self._lock:
            self._refuse_until = self._now() + _CLOSED_S

    def succeeded(self) -> None:
        """Open: the database answered."""
        self._refuse_until = None


#: This process's gate.
GATE: Final = Gate()


class Pulse:
    """Finds out a database that is silent: it takes bytes, and neither answers nor refuses.

    The one who waits too long asks for all. What is refused or broken is not asked here: the
    connections learn that by themselves.
    """

    def __init__(self, url: str) -> None:
        """Keep the database's address; nothing is connected."""
        self._url = url
        self._asking: asyncio.Task[bool] | None = None

    async def bound(self, work: asyncio.Future[_Result]) -> _Result:
        """Return the work's result; it goes on where nobody waits for it any more.

        Raises DatabaseUnavailable where the database falls silent meanwhile, and TimeoutError
        after 10 s.
        """
        give_up_at = time.monotonic() + _ANSWER_WITHIN_S
        while not (await asyncio.wait({work}, timeout=_PATIENCE_S))[0]:
            if not await self._beats():
                # The shut gate makes the connections let go: most threads answer by themselves.
                if (await asyncio.wait({work}, timeout=_LETTING_GO_S))[0]:
                    break
                raise DatabaseUnavailable("The database does not answer. Try again.")
            if time.monotonic() >= give_up_at:
                raise TimeoutError
        return work.result()

    async def _beats(self) -> bool:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_PULSE_S):
                conn = await psycopg.AsyncConnection.connect(
                    self._url, application_name="tallystick-pulse", autocommit=True
                )
        except TimeoutError:
            GATE.failed()
            return False
        except psycopg.Error:
            return True
        await conn.close()
        return True


class _Watched(OwnConnection):
    """A connection that lets its thread go where the gate is shut and the server is silent."""

    # Django's cursors write parameters into the statement.
    takes_columns = False

    def execute(self, query: Any, params: Any = None, **options: Any) -> psycopg.Cursor[Any]:
        """Run a statement; Django's pool asks by an empty one who lives, and who is fresh does."""
        if query == "" and self.is_fresh:
            return self.cursor()
        return super().execute(query, params, **options)

    def is_hopeless(self, silent_s: float) -> bool:
        """Return whether to give up: somebody has found out that the database is away."""
        return not GATE.is_open and silent_s > _SILENCE_S


def is_outage(error: BaseException | None) -> bool:
    """Return whether the error, or one behind it, says that the database is away."""
    found = _operational(error)
    return found is not None and (found.sqlstate is None or found.sqlstate.startswith(_AWAY))


def is_busy(error: BaseException | None) -> bool:
    """Return whether the error, or one behind it, says that a lock or statement took too long."""
    found = _operational(error)
    return found is not None and found.sqlstate in _BUSY


def _operational(error: BaseException | None) -> psycopg.OperationalError | None:
    seen = 0
    while error is not None and seen < 10:  # noqa: PLR2004 - a chain longer than that is none
        if isinstance(error, psycopg.OperationalError):
            return error
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def django_database(settings: Settings) -> dict[str, Any]:
    """Return Django's description of the application's database, with a bounded pool."""
    parts = conninfo_to_dict(settings.database_url.get_secret_value())
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    known = {names[part]: str(value) for part, value in parts.items() if part in names}
    other = {part: value for part, value in parts.items() if part not in names}
    options = f"{_SESSION} {other.pop('options', '')}".strip()
    return {
        "ENGINE": "django.db.backends.postgresql",
        **known,
        "ATOMIC_REQUESTS": True,
        "CONN_HEALTH_CHECKS": True,
        # Behind a transaction pooler neither cursors nor statements outlive a transaction.
        "DISABLE_SERVER_SIDE_CURSORS": True,
        "OPTIONS": {
            "application_name": "tallystick-web",
            "connect_timeout": settings.database_timeout_s,
            "prepare_threshold": None,
            "tcp_user_timeout": _UNACKNOWLEDGED_MS,
            **_KEEPALIVES,
            **other,
            "options": options,
            "pool": {
                "connection_class": _Watched,
                "min_size": 0,
                "max_size": settings.database_pool_max,
                "timeout": settings.database_timeout_s * _CHECKOUT_SHARE,
                "reconnect_timeout": settings.database_timeout_s,
                "max_idle": 60.0,
            },
        },
    }


@contextmanager
def heart() -> Iterator[psycopg.Connection]:
    """Open a transaction on the request's connection and give it to the heart.

    Django's tables and the heart's commit together. Inside a request, whose view is atomic
    already, this is a savepoint: an error that leaves it undoes the heart's part.
    """
    with _atomic(savepoint=True) as conn:
        yield conn


@contextmanager
def whole_heart() -> Iterator[psycopg.Connection]:
    """Give the heart the request's transaction as it is: an error that leaves it undoes all of it.

    For requests that answer the error and ask the database nothing more.
    """
    with _atomic(savepoint=False) as conn:
        yield conn


@contextmanager
def _atomic(*, savepoint: bool) -> Iterator[psycopg.Connection]:
    from django.db import connection, transaction  # noqa: PLC0415 - settings import this module

    with transaction.atomic(savepoint=savepoint):
        raw: psycopg.Connection | None = connection.connection
        assert raw is not None
        yield raw
