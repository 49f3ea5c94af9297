"""Named SQL: a room's `store.sql`, read once, asked for by name.

It builds no SQL from strings. Each statement stands below `-- name: …` and a line of purpose.
"""

from __future__ import annotations

import re
from importlib import resources
from typing import Final, LiteralString, cast

__all__ = ["Statements"]

_HEAD: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


class Statements:
    """The statements of one room, as `STATEMENTS["lock_accounts"]`."""

    def __init__(self, package: str) -> None:
        """Read `store.sql` of the package; raise ValueError where a name stands twice."""
        text = (resources.files(package) / "store.sql").read_text(encoding="utf-8")
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
