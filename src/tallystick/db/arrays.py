"""Columns of a batch as PostgreSQL's own text of an array, which `unnest` takes apart again.

Any driver passes a text on, and written here a column costs a fraction of what drivers take to
write it value by value. It knows no table.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

__all__ = ["blobs", "integers", "moments", "texts", "uuids"]


def uuids(values: Iterable[UUID | None]) -> str:
    """Return the text of a `uuid[]`."""
    return _array("NULL" if value is None else f"{value.int:032x}" for value in values)


def integers(values: Iterable[int | None]) -> str:
    """Return the text of a `bigint[]`."""
    return _array("NULL" if value is None else str(value) for value in values)


def texts(values: Iterable[str | None]) -> str:
    """Return the text of a `text[]`, whatever signs the values hold."""
    written: dict[str | None, str] = {None: "NULL"}
    return _array(
        written.get(value) or written.setdefault(value, _quoted(value or "")) for value in values
    )


def moments(values: Iterable[datetime | None]) -> str:
    """Return the text of a `timestamptz[]`; the values carry their zone."""
    written: dict[datetime | None, str] = {None: "NULL"}
    return _array(written.get(value) or written.setdefault(value, f'"{value}"') for value in values)


def blobs(values: Iterable[bytes | None]) -> str:
    """Return the text of a `bytea[]`."""
    return _array("NULL" if value is None else rf'"\\x{value.hex()}"' for value in values)


def _array(fields: Iterable[str]) -> str:
    return "{" + ",".join(list(fields)) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'
