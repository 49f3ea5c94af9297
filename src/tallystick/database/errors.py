"""Why a migration stops.

MigrationError
├── MigrationChanged   an applied file is no longer what it was
├── MigrationBlocked   somebody holds a lock for too long
└── RoleMissing        a role is missing and we may not make it
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["MigrationBlocked", "MigrationChanged", "MigrationError", "RoleMissing"]


class MigrationError(TallystickError):
    """The schema could not be brought up to date; what was applied stays whole."""

    code = "migration_error"


class MigrationChanged(MigrationError):
    """A file that has been applied has changed since."""

    code = "migration_changed"


class MigrationBlocked(MigrationError):
    """A lock was not to be had within the time that a running system can spare."""

    code = "migration_blocked"


class RoleMissing(MigrationError):
    """A database role is missing and the owner's role may not make it."""

    code = "role_missing"
