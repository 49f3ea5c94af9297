"""PostgreSQL and Valkey from wheels, for development and tests: one call starts both.

They listen on the loopback interface alone, always ask for a password, and end with the
process that started them. They are not made for production.
"""

from __future__ import annotations

from tallystick.embedded.engines import Engines, Running, ensure_free, postgres, remove
from tallystick.embedded.errors import (
    AlreadyRunning,
    DataOfOtherVersion,
    DataUnreachable,
    EmbeddedError,
    EngineFailed,
    EngineMissing,
)
from tallystick.embedded.ports import is_free
from tallystick.embedded.postgresql import Addresses
from tallystick.embedded.valkey import Cache

__all__ = [
    "Addresses",
    "AlreadyRunning",
    "Cache",
    "DataOfOtherVersion",
    "DataUnreachable",
    "EmbeddedError",
    "EngineFailed",
    "EngineMissing",
    "Engines",
    "Running",
    "ensure_free",
    "is_free",
    "postgres",
    "remove",
]
