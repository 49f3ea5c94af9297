"""`manage.py migrate_tallystick`: bring the heart's schema up to date, as its owner.

It goes forward only, is safe to run twice and at once, and leaves Django's own tables to
`migrate`.
"""

from __future__ import annotations

from typing import Any

import psycopg
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import pq
from psycopg.conninfo import make_conninfo

from tallystick.database import admit_login, migrate
from tallystick.errors import TallystickError

__all__ = ["Command"]


class Command(BaseCommand):
    """Bring the heart's schema up to date over the owner's connection."""

    help = "Brings Tallystick's schema (tables in the schema tallystick) up to date."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the aliases of the owner's and of the application's database."""
        parser.add_argument(
            "--database",
            default=DEFAULT_DB_ALIAS,
            help="The alias in DATABASES whose role owns the schema (default: %(default)s).",
        )
        parser.add_argument(
            "--application",
            default=DEFAULT_DB_ALIAS,
            help="The alias whose role is admitted to read and post (default: %(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate and admit; raise CommandError with the reason where that fails."""
        del args
        owner_url = _conninfo(options["database"])
        try:
            applied = migrate(owner_url, report=self.stdout.write)
            with psycopg.connect(owner_url, autocommit=True) as conn:
                login = admit_login(conn, application_url=_conninfo(options["application"]))
        except (TallystickError, psycopg.Error) as error:
            raise CommandError(f"Not migrated: {error}") from error
        what = f"{len(applied)} applied" if applied else "nothing to apply"
        self.stdout.write(f"Tallystick's schema is up to date ({what}); {login} may use it.")


def _conninfo(alias: str) -> str:
    """Return how libpq reaches the database of an alias; raise CommandError for what is none."""
    if alias not in connections:
        raise CommandError(f"DATABASES has no {alias!r}.")
    connection = connections[alias]
    if connection.vendor != "postgresql":
        raise CommandError(f"DATABASES[{alias!r}] is no PostgreSQL: Tallystick needs one.")
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    parts = connection.get_connection_params()
    return make_conninfo(**{name: part for name, part in parts.items() if name in known})
