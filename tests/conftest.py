"""The tests' frame: a real PostgreSQL, one template migrated by the owner, clones for tests.

Tests run as the application's role. `conn` rolls back; `database` is a clone of one's own,
for tests that commit. With TALLYSTICK_OWNER_DATABASE_URL and TALLYSTICK_DATABASE_URL set, the
same tests run on that server; else on an embedded one that ends with the session.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo, sql

sys.path.insert(0, str(Path(__file__).parent))

from running import RunningHouse, running_house

ROOT = Path(__file__).parent.parent
#: What the person's shell says of Tallystick must not reach the programs under test.
_OUTSIDE = {
    name: os.environ.pop(name) for name in list(os.environ) if name.startswith("TALLYSTICK_")
}
#: Django's settings are read once at import; tests then point the connection at their clone.
os.environ["TALLYSTICK_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:9/nothing"
os.environ["TALLYSTICK_REDIS_URL"] = "redis://127.0.0.1:9/0"
os.environ["DJANGO_SETTINGS_MODULE"] = "tallystick.web.settings"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--profile", choices=("quick", "full"), default="quick", help="full adds the long tests"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long tests to the full profile: deselected and counted, never skipped."""
    if config.getoption("--profile") == "full":
        return
    long = [item for item in items if item.get_closest_marker("full")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("full")]


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL server, by the addresses of its two roles."""

    owner_url: str
    application_url: str


@dataclass(frozen=True)
class Database:
    """One database of the cluster, by the addresses of its two roles."""

    name: str
    owner_url: str
    application_url: str
    #: What a program under test needs in its environment to use it.
    environment: Mapping[str, str] = field(default_factory=dict)

    def connect(self) -> psycopg.Connection:
        """Return a connection as the application, not in autocommit."""
        return psycopg.connect(self.application_url)

    def scalar(self, statement: str, *values: object) -> object:
        """Return the first field of the first row, in a transaction of its own."""
        with psycopg.connect(self.application_url, autocommit=True) as conn:
            row = conn.execute(statement, values).fetchone()
            assert row is not None
            return row[0]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give the server that the environment names, or an embedded one."""
    owner = _OUTSIDE.get("TALLYSTICK_OWNER_DATABASE_URL")
    application = _OUTSIDE.get("TALLYSTICK_DATABASE_URL")
    if owner and application:
        yield Cluster(owner, application)
        return
    from tallystick import embedded  # noqa: PLC0415 - unit tests need no engine

    with (
        tempfile.TemporaryDirectory(prefix="tallystick-tests-", dir="/var/tmp") as folder,
        embedded.postgres(Path(folder) / "data", durable=False) as running,
    ):
        yield Cluster(running.owner_url, running.application_url)


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> Iterator[Database]:
    """Give a database that `tallystick migrate` has made, to be cloned."""
    with _database(cluster, f"tallystick_template_{os.getpid()}") as database:
        done = subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "migrate"],
            env={**os.environ, **database.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield database


@pytest.fixture
def database(cluster: Cluster, template: Database) -> Iterator[Database]:
    """Give a clone of the template for a test that commits."""
    name = f"tallystick_clone_{os.getpid()}_{next(_numbers)}"
    with _database(cluster, name, template=template.name) as clone:
        yield clone


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster, template: Database) -> Iterator[Database]:
    name = f"tallystick_shared_{os.getpid()}"
    with _database(cluster, name, template=template.name) as clone:
        yield clone


@pytest.fixture(scope="module")
def empty_database(cluster: Cluster) -> Iterator[Database]:
    """Give a database in which nobody has migrated anything yet."""
    with _database(cluster, f"tallystick_empty_{os.getpid()}_{next(_numbers)}") as empty:
        yield empty


@pytest.fixture(scope="module")
def lasting_database(cluster: Cluster, template: Database) -> Iterator[Database]:
    """Give a clone into which the tests of one module commit, each with names of its own."""
    name = f"tallystick_lasting_{os.getpid()}_{next(_numbers)}"
    with _database(cluster, name, template=template.name) as clone:
        yield clone


@pytest.fixture
def conn(shared_database: Database) -> Iterator[psycopg.Connection]:
    """Give a connection as the application, in a transaction that is rolled back."""
    with psycopg.connect(shared_database.application_url) as connection:
        connection.execute("SELECT 1")
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def house(
    cluster: Cluster, template: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningHouse]:
    """Give a whole running house, shared by the tests that walk through its doors."""
    name = f"tallystick_house_{os.getpid()}"
    folder = tmp_path_factory.mktemp("house")
    with (
        _database(cluster, name, template=template.name) as clone,
        running_house(clone, folder) as running,
    ):
        yield running


_numbers = iter(range(1, 1_000_000))


@contextmanager
def _database(cluster: Cluster, name: str, template: str = "template1") -> Iterator[Database]:
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    gone = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(cluster.owner_url, autocommit=True) as owner:
        owner.execute(made)
        try:
            urls = {
                "owner_url": conninfo.make_conninfo(cluster.owner_url, dbname=name),
                "application_url": conninfo.make_conninfo(cluster.application_url, dbname=name),
            }
            yield Database(
                name,
                _as_url(urls["owner_url"]),
                _as_url(urls["application_url"]),
                environment={
                    "TALLYSTICK_OWNER_DATABASE_URL": _as_url(urls["owner_url"]),
                    "TALLYSTICK_DATABASE_URL": _as_url(urls["application_url"]),
                },
            )
        finally:
            _drop(owner, gone, cluster.application_url, name)


def _drop(owner: psycopg.Connection, gone: sql.Composed, application_url: str, name: str) -> None:
    """Drop a database; a program that is just ending may connect once more meanwhile."""
    for tries_left in reversed(range(20)):
        _end_sessions(application_url, name)
        try:
            owner.execute(gone)
        except psycopg.errors.InsufficientPrivilege:
            if not tries_left:
                raise
            time.sleep(0.1)
        else:
            return


def _end_sessions(application_url: str, name: str) -> None:
    """End what a program under test left open: a role may end its own sessions, no other."""
    with (
        psycopg.connect(application_url, autocommit=True) as conn,
        # A session that has just ended may leave its number to a process of the server's own.
        suppress(psycopg.errors.InsufficientPrivilege),
    ):
        conn.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE datname = %s AND usename = current_user",
            (name,),
        )


def _as_url(dsn: str) -> str:
    parts = conninfo.conninfo_to_dict(dsn)
    login = f"{parts['user']}:{parts['password']}" if parts.get("password") else parts["user"]
    place = f"{parts.get('host', '127.0.0.1')}:{parts.get('port', 5432)}"
    return f"postgresql://{login}@{place}/{parts['dbname']}"
