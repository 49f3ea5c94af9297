"""What `tallystick start` knows of the demo: whether to seed, how to sign in, a key that works.

It makes no people: the seed does. The key acts for the demo person alone; the database keeps its
hash, and one file of mode 600 its text, so that every start can show it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick import db, keys, wallets
from tallystick.cli.surroundings import keep_demo_key, kept_demo_key
from tallystick.database import seeds
from tallystick.database.seeds import DemoPerson
from tallystick.db import Connection
from tallystick.keys import Environment, KeyRefused, Scope

__all__ = ["Demo", "find", "is_wanted"]

_KEY_NAME: Final = "the demo of bin/start"
_PROGRAM: Final = "tallystick-start"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo people that one signs in as, and the text of a key that acts for the first."""

    person: DemoPerson
    operator: DemoPerson
    password: str = field(repr=False)
    api_key: str = field(repr=False)

    def curl(self, address: str) -> str:
        """Return the line that shows the person's wallets when it is pasted into a shell."""
        return f'curl {address}/api/wallets -H "Authorization: Bearer {self.api_key}"'


def is_wanted(url: str) -> bool:
    """Return whether nobody lives in this database yet; raise DatabaseUnavailable."""
    with db.connect(url, application_name=_PROGRAM) as conn:
        return seeds.is_fresh(conn)


def find(url: str, folder: Path) -> Demo | None:
    """Return the demo of this database, None where it was not seeded.

    Issues a key where the folder keeps none that opens this database: after a reset, with
    another database, or where it was revoked. Raises DatabaseUnavailable.
    """
    with db.connect(url, application_name=_PROGRAM) as conn:
        if not wallets.of_owner(conn, owner=seeds.AMINA.owner):
            return None
        api_key = kept_demo_key(folder)
        if api_key is None or not _opens(conn, api_key):
            api_key = _issue(conn)
            # Kept before it is committed: a key that nobody knows would open for ever.
            keep_demo_key(folder, api_key)
    return Demo(seeds.AMINA, seeds.OPERATOR, seeds.PASSWORD, api_key)


def _opens(conn: Connection, api_key: str) -> bool:
    try:
        keys.verify(conn, presented=api_key, environment=Environment.TEST)
    except KeyRefused:
        return False
    return True


def _issue(conn: Connection) -> str:
    issued = keys.issue(
        conn,
        name=_KEY_NAME,
        scopes=list(Scope),
        owner=seeds.AMINA.owner,
        environment=Environment.TEST,
        randomness=secrets.token_bytes(keys.RANDOM_BYTES),
        now=db.now(conn),
    )
    return issued.text
