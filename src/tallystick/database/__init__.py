"""The schema of the heart and the runner that brings a database up to it.

It migrates forward only, one file a transaction, and needs no Django. Rooms' SQL stands
in their own store.sql.
"""

from __future__ import annotations

from tallystick.database.errors import (
    MigrationBlocked,
    MigrationChanged,
    MigrationError,
    RoleMissing,
)
from tallystick.database.migrate import migrate
from tallystick.database.model import Migration, migrations
from tallystick.database.roles import admit_login

__all__ = [
    "Migration",
    "MigrationBlocked",
    "MigrationChanged",
    "MigrationError",
    "RoleMissing",
    "admit_login",
    "migrate",
    "migrations",
]
