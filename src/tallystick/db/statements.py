"""Named SQL: a room's `store.sql`, read once, asked for by name.

It builds no SQL from strings, but for the columns of a table that a record names by its fields.
Each statement stands below `-- name: …` and a line of purpose.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib import resources
from types import MappingProxyType
from typing import Final, LiteralString, cast

__all__ = ["Statements"]

_NOBODY: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
_HEAD: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


class Statements:
    """The statements of one room, as `STATEMENTS["lock_accounts"]`."""

    def __init__(self, package: str, *, columns: Mapping[str, Sequence[str]] = _NOBODY) -> None:
        """Read `store.sql` of the package; raise ValueError where a name stands twice.

        Of a table in `columns`, `payment.*` is written out: a migration that adds a column changes
        nothing for who knows nothing of it.
        """
        text = (resources.files(package) / "store.sql").read_text(encoding="utf-8")
        for table, names in columns.items():
            whole = ", ".join(f"{table}.{name}" for name in names)
            text = re.sub(rf"\b{table}\.\*", whole, text)
        parts = _HEAD.split(text)[1:]
        self.names: Final = tuple(parts[::2])
        self._texts: Final = {
            name: body.strip().removesuffix(";")
            for name, body in zip(self.names, parts[1::2], strict=True)
        }
        if len(self._texts) != len(self.names):
            raise ValueError(f"{package}/store.sql names a statement twice.")

    def __getitem__(self, name: str) -> LiteralString:
        """Return the statement's text; raise KeyError for a name that store.sql has not."""
        return cast("LiteralString", self._texts[name])
