"""Django's way to PostgreSQL: its pool, the heart's connection, and the gate for outages.

It holds no SQL. A request borrows one connection, and waits no longer than the settings say;
while the database is known to be away, nobody waits at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

if TYPE_CHECKING:
    from tallystick.settings import Settings

__all__ = ["GATE", "Gate", "django_database", "heart", "is_outage"]

#: Seconds after which an idle connection's silence is probed, and its peer given up.
_KEEPALIVES: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
#: How long everyone is answered at once before one request tries again.
_CLOSED_S: Final = 1.0
#: How long that one may take before another tries.
_PROBE_S: Final = 5.0
#: Part of the settings' wait that a checkout may use, so that the answer is out within it.
_CHECKOUT_SHARE: Final = 0.75
#: Connection lost, server shutting down or starting, too many connections.
_AWAY: Final = ("08", "57P01", "57P02", "57P03", "53300")


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


def is_outage(error: BaseException | None) -> bool:
    """Return whether the error, or one behind it, says that the database is away."""
    seen = 0
    while error is not None and seen < 10:  # noqa: PLR2004 - a chain longer than that is none
        if isinstance(error, psycopg.OperationalError):
            return error.sqlstate is None or error.sqlstate.startswith(_AWAY)
        error, seen = error.__cause__ or error.__context__, seen + 1
    return False


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
            **_KEEPALIVES,
            **other,
            "pool": {
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
    from django.db import connection, transaction  # noqa: PLC0415 - settings import this module

    with transaction.atomic():
        raw: psycopg.Connection | None = connection.connection
        assert raw is not None
        yield raw
