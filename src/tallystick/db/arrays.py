"""Columns of a batch, which `unnest` takes apart again.

Any driver gets PostgreSQL's own text of an array, our own connections its binary form: written
here, a column costs a fraction of what drivers take to write it value by value. It knows no table.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any, Final
from uuid import UUID

__all__ = ["Column", "as_text", "blobs", "integers", "moments", "texts", "uuids"]

#: Dimensions, whether there are nulls, the elements' type, how many, the first one's number.
_HEAD: Final = struct.Struct("!iiiii")
_LENGTH: Final = struct.Struct("!i")
_NULL: Final = _LENGTH.pack(-1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400
_MICRO: Final = 1_000_000


Fields = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of PostgreSQL: its number in the catalogue, and how its values are written."""

    element: int
    #: Writes fields, none of them null, each as text.
    text: Callable[[Fields], Iterable[str]]
    #: Writes fields, none of them null: of each the length in four bytes, then its bytes.
    binary: Callable[[Fields], bytes]


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a column, None for nulls."""

    kind: Kind
    values: tuple[Any, ...]

    def text(self) -> str:
        """Return PostgreSQL's text of the array."""
        if None not in self.values:
            return "{" + ",".join(self.kind.text(self.values)) + "}"
        alone = (["NULL"] if one is None else self.kind.text([one]) for one in self.values)
        return "{" + ",".join(chain.from_iterable(alone)) + "}"

    def binary(self) -> bytes:
        """Return PostgreSQL's binary form of the array."""
        has_null = None in self.values
        head = _HEAD.pack(1, has_null, self.kind.element, len(self.values), 1)
        if not has_null:
            return head + self.kind.binary(self.values)
        write = self.kind.binary
        return head + b"".join(_NULL if one is None else write([one]) for one in self.values)


def uuids(values: Iterable[UUID | None]) -> Column:
    """Return a `uuid[]`."""
    return Column(_UUID, tuple(values))


def integers(values: Iterable[int | None]) -> Column:
    """Return a `bigint[]`."""
    return Column(_BIGINT, tuple(values))


def texts(values: Iterable[str | None]) -> Column:
    """Return a `text[]`, whatever signs the values hold."""
    return Column(_TEXT, tuple(values))


def moments(values: Iterable[datetime | None]) -> Column:
    """Return a `timestamptz[]`; the values carry their zone."""
    return Column(_TIMESTAMPTZ, tuple(values))


def blobs(values: Iterable[bytes | None]) -> Column:
    """Return a `bytea[]`."""
    return Column(_BYTEA, tuple(values))


def as_text(values: Mapping[str, object]) -> dict[str, object]:
    """Return the values with each column as PostgreSQL's text of its array, for any driver."""
    return {
        name: value.text() if isinstance(value, Column) else value for name, value in values.items()
    }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", r"\\").replace('"', r"\"") + '"'


def _sized(raw: bytes) -> bytes:
    return _LENGTH.pack(len(raw)) + raw


def _microseconds(moment: datetime) -> bytes:
    since = moment - _EPOCH
    whole = (since.days * _DAY_S + since.seconds) * _MICRO + since.microseconds
    return struct.pack("!iq", 8, whole)


def _longs(values: Fields) -> bytes:
    flat = [8] * (2 * len(values))
    flat[1::2] = values
    return struct.pack("!" + "iq" * len(values), *flat)


def _once_each(write: Callable[[Any], Any], values: Fields) -> list[Any]:
    """Write each value, those that come again once: texts and times of a batch are few."""
    written = {one: write(one) for one in set(values)}
    return [written[one] for one in values]


_UUID: Final = Kind(
    2950,
    text=lambda values: [f"{one.int:032x}" for one in values],
    binary=lambda values: b"".join([b"\0\0\0\x10" + one.bytes for one in values]),
)
_BIGINT: Final = Kind(20, text=partial(map, str), binary=_longs)
_TEXT: Final = Kind(
    25,
    text=partial(_once_each, _quoted),
    binary=lambda values: b"".join(_once_each(lambda one: _sized(one.encode()), values)),
)
_TIMESTAMPTZ: Final = Kind(
    1184,
    text=partial(_once_each, lambda one: f'"{one}"'),
    binary=lambda values: b"".join(_once_each(_microseconds, values)),
)
_BYTEA: Final = Kind(
    17,
    text=lambda values: [rf'"\\x{one.hex()}"' for one in values],
    binary=lambda values: b"".join([_sized(one) for one in values]),
)
