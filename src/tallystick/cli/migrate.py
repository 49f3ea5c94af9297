"""`tallystick migrate`: ours, then Procrastinate's, then Django's tables, as the owner.

It never goes back and is safe to run twice, also at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import psycopg
import typer
from django.db import DatabaseError as DjangoDatabaseError

from tallystick.cli.startup import settings_or_exit
from tallystick.database import admit_login, migrate
from tallystick.errors import TallystickError
from tallystick.settings import Settings
from tallystick.web import load_django

__all__ = ["guard_test_clock", "migrate_everything", "register"]

#: One runner at a time for the tables that are not ours.
_ADVISORY_LOCK: Final = 7_461_900_452


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("migrate")(_migrate)


def _migrate() -> None:
    """Bring the database up to this version's schema, as its owner."""
    settings = settings_or_exit()
    try:
        migrate_everything(settings, report=typer.echo)
    except (TallystickError, psycopg.Error, DjangoDatabaseError) as error:
        typer.echo(f"Not migrated: {str(error).strip()}", err=True)
        typer.echo(
            "What was applied before it stays whole; the database's log says more.", err=True
        )
        raise typer.Exit(1) from None


def migrate_everything(settings: Settings, *, report: Callable[[str], None]) -> None:
    """Run all migrations and admit the application's login.

    Raises MigrationError, and psycopg.OperationalError where the database does not answer.
    """
    started = time.perf_counter()
    owner_url = (settings.owner_database_url or settings.database_url).get_secret_value()
    applied = migrate(owner_url, report=report)
    with psycopg.connect(owner_url, autocommit=True, application_name="tallystick-migrate") as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        _procrastinate(conn, report)
        _django(owner_url)
        admit_login(conn, application_url=settings.database_url.get_secret_value())
        guard_test_clock(conn, settings.env)
    what = f"{len(applied)} applied" if applied else "nothing to apply"
    report(f"The schema is up to date ({what}, {time.perf_counter() - started:.1f} s).")


#: The queue's functions must find its tables from any caller's transaction, whatever its path.
_FIX_SEARCH_PATH: Final = r"""
DO $$
DECLARE function regprocedure;
BEGIN
    FOR function IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'procrastinate\_%'
    LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = public, pg_temp', function);
    END LOOP;
END $$
"""


def _procrastinate(conn: psycopg.Connection, report: Callable[[str], None]) -> None:
    found = conn.execute("SELECT to_regclass('public.procrastinate_jobs')").fetchone()
    if found is not None and found[0] is not None:
        return
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - only a first run needs it

    with conn.transaction():
        conn.execute("SET LOCAL search_path = public")
        conn.execute(SchemaManager.get_schema())
        conn.execute(_FIX_SEARCH_PATH)
    report("the queue's tables made")


#: What Django's migrations alone may write: without it the next start would not know its schema.
_KEEP_FROM_APPLICATION: Final = """
REVOKE INSERT, UPDATE, DELETE ON django_migrations, django_content_type, auth_permission
FROM tallystick_application
"""


def _django(owner_url: str) -> None:
    """Migrate people and sessions over a connection of the owner's that no server process has."""
    load_django()
    from django.core.management import call_command  # noqa: PLC0415 - once it is loaded
    from django.db import connections  # noqa: PLC0415 - once it is loaded

    parts = psycopg.conninfo.conninfo_to_dict(owner_url)
    default = connections.databases["default"]
    connections.databases["owner"] = {
        **default,
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "OPTIONS": {**parts, "prepare_threshold": None},
    }
    try:
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        call_command("createcachetable", database="owner", verbosity=0)
        with connections["owner"].cursor() as cursor:
            cursor.execute(_KEEP_FROM_APPLICATION)
    finally:
        connections["owner"].close()
        del connections.databases["owner"]


def guard_test_clock(conn: psycopg.Connection, environment: str) -> None:
    """Let the application move the test clock in development; in production nobody may."""
    if environment == "production":
        conn.execute("REVOKE INSERT, UPDATE ON tallystick.test_clock FROM tallystick_application")
        conn.execute("DELETE FROM tallystick.test_clock")
    else:
        conn.execute("GRANT INSERT, UPDATE ON tallystick.test_clock TO tallystick_application")
