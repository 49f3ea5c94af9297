"""The migrations as they ship: numbered SQL files with their SHA-256."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final, LiteralString

__all__ = ["Migration", "migrations"]

_NAME: Final = re.compile(r"(\d{3})_[a-z0-9_]+\.sql")
_ALONE: Final = "-- no transaction\n"


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, text and hash."""

    number: int
    name: str
    text: LiteralString
    sha256: str

    @property
    def is_alone(self) -> bool:
        """Return whether it runs outside a transaction, as CREATE INDEX CONCURRENTLY must."""
        return self.text.startswith(_ALONE)


def migrations() -> tuple[Migration, ...]:
    """Return all migrations in order; raise ValueError for a gap in the numbers."""
    folder = resources.files("tallystick.database") / "migrations"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        match = _NAME.fullmatch(entry.name)
        if match is None:
            raise ValueError(f"migrations/{entry.name} is not named as 007_add_hold_expiry.sql.")
        text = entry.read_text(encoding="utf-8")
        digest = hashlib.sha256(text.encode()).hexdigest()
        found.append(Migration(int(match[1]), entry.name, text, digest))
    if [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise ValueError("The numbers of the migrations have a gap or stand twice.")
    return tuple(found)
