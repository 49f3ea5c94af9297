"""The ways into the heart from a team's own transaction, each with the same three verbs.

A way runs a piece of work on the connection that its library hands over: in a transaction that
commits unless the work raises, in one of another isolation, or with every statement by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

import django
import psycopg
from django.db import connections, transaction
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.types.string import TextLoader
from sqlalchemy import Engine, NullPool, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tallystick.db import Connection

django.setup()

Answer = TypeVar("Answer")
Work = Callable[[Connection], Answer]


class Way(Protocol):
    """One library's way of handing over a connection."""

    def transaction(self, url: str, work: Work[Answer], isolation: str | None = None) -> Answer:
        """Run the work in a transaction: commit, or roll back where it raises."""

    def autocommit(self, url: str, work: Work[Answer]) -> Answer:
        """Run the work with every statement committed by itself."""


class Psycopg:
    """psycopg's own connection, made with these options."""

    def __init__(self, prepare: Callable[[psycopg.Connection], None] = lambda _: None, **options):
        self._options = options
        self._prepare = prepare

    def transaction(self, url, work, isolation=None):
        with psycopg.connect(url, **self._options) as conn:
            self._prepare(conn)
            if isolation is not None:
                conn.isolation_level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
            return work(conn)

    def autocommit(self, url, work):
        with psycopg.connect(url, **self._options, autocommit=True) as conn:
            self._prepare(conn)
            return work(conn)


class PsycopgBlock(Psycopg):
    """A connection in autocommit, within the block of an explicit transaction."""

    def transaction(self, url, work, isolation=None):
        with psycopg.connect(url, autocommit=True) as conn:
            if isolation is not None:
                conn.isolation_level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
            with conn.transaction():
                return work(conn)


class Django:
    """Django's connection, or the driver's own behind it."""

    def __init__(self, *, is_raw: bool = False, is_debug: bool = False, **options: Any) -> None:
        self._is_raw = is_raw
        self._is_debug = is_debug
        self._options = options

    def transaction(self, url, work, isolation=None):
        options = dict(self._options)
        if isolation is not None:
            level = psycopg.IsolationLevel[isolation.replace(" ", "_")]
            options["isolation_level"] = level
        with django_connection(url, **options) as connection:
            connection.force_debug_cursor = self._is_debug
            with transaction.atomic(using=connection.alias):
                return work(connection.connection if self._is_raw else connection)

    def autocommit(self, url, work):
        with django_connection(url, **self._options) as connection:
            connection.ensure_connection()
            return work(connection.connection if self._is_raw else connection)


@contextmanager
def django_connection(url: str, *, time_zone: str | None = None, **options: Any) -> Iterator[Any]:
    """Yield a connection of Django's to this database, in its usual autocommit."""
    parts = conninfo_to_dict(url)
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}
    connections.databases["team"] = {
        **connections.databases["default"],
        "PASSWORD": "",
        **{names[part]: str(parts.pop(part)) for part in list(parts) if part in names},
        "PORT": str(parts.pop("port")),
        "ATOMIC_REQUESTS": False,
        "TIME_ZONE": time_zone,
        "OPTIONS": {**parts, **options},
    }
    try:
        yield connections["team"]
    finally:
        connections["team"].close()
        del connections["team"]
        del connections.databases["team"]


def session_connection(session: Session) -> Connection:
    """Return what a Session hands over: the pool's own DB-API connection."""
    return session.connection().connection


def driver_connection(session: Session) -> Connection:
    """Return the driver's connection behind it."""
    driver = session.connection().connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


class SqlAlchemy:
    """SQLAlchemy's Session."""

    def __init__(self, hand_over: Callable[[Session], Connection] = session_connection) -> None:
        self._hand_over = hand_over

    def transaction(self, url, work, isolation=None):
        with engine(url, isolation) as made, Session(made) as session, session.begin():
            return work(self._hand_over(session))

    def autocommit(self, url, work):
        return self.transaction(url, work, "AUTOCOMMIT")


class SqlAlchemyCore:
    """SQLAlchemy's Connection, with no Session."""

    def transaction(self, url, work, isolation=None):
        with engine(url, isolation) as made, made.begin() as connection:
            return work(connection.connection)

    def autocommit(self, url, work):
        return self.transaction(url, work, "AUTOCOMMIT")


class SqlAlchemyAsync:
    """SQLAlchemy's AsyncSession through run_sync, on psycopg's async connection."""

    def transaction(self, url, work, isolation=None):
        async def walk() -> Any:
            made = async_engine(url, isolation)
            async with AsyncSession(made) as session, session.begin():
                answer = await session.run_sync(lambda sync: work(session_connection(sync)))
            await made.dispose()
            return answer

        return asyncio.run(walk())

    def autocommit(self, url, work):
        return self.transaction(url, work, "AUTOCOMMIT")


@contextmanager
def engine(url: str, isolation: str | None = None) -> Iterator[Engine]:
    """Yield an engine that keeps no connection."""
    made = create_engine(_address(url), poolclass=NullPool, **_level(isolation))
    yield made
    made.dispose()


def async_engine(url: str, isolation: str | None = None) -> AsyncEngine:
    """Return an engine for an event loop that keeps no connection."""
    return create_async_engine(_address(url), poolclass=NullPool, **_level(isolation))


def _address(url: str) -> Any:
    return make_url(url).set(drivername="postgresql+psycopg")


def _level(isolation: str | None) -> dict[str, Any]:
    return {} if isolation is None else {"isolation_level": isolation}


def read_as_text(conn: psycopg.Connection) -> None:
    """Let the driver give as text what it has types of its own for."""
    for name in ("uuid", "timestamptz", "bytea", "jsonb"):
        conn.adapters.register_loader(name, TextLoader)


WAYS: dict[str, Way] = {
    "psycopg": Psycopg(),
    "psycopg-block": PsycopgBlock(),
    "psycopg-dict-rows": Psycopg(row_factory=dict_row),
    "psycopg-client-cursor": Psycopg(cursor_factory=psycopg.ClientCursor),
    "psycopg-texts": Psycopg(read_as_text),
    "psycopg-prepared": Psycopg(prepare_threshold=0),
    "django": Django(),
    "django-debug": Django(is_debug=True),
    "django-raw": Django(is_raw=True),
    "django-server-binding": Django(server_side_binding=True),
    "django-time-zone": Django(time_zone="Africa/Nairobi"),
    "sqlalchemy": SqlAlchemy(),
    "sqlalchemy-driver": SqlAlchemy(driver_connection),
    "sqlalchemy-core": SqlAlchemyCore(),
    "sqlalchemy-async": SqlAlchemyAsync(),
}
