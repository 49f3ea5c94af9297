"""Lists in parts: how many at most, and the cursor of the part that follows.

A cursor is opaque: it may change its form. One of another list is refused.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final
from uuid import UUID

from ninja import Query

from tallystick.errors import TallystickError

__all__ = ["Cursor", "CursorMalformed", "Limit", "after_id", "before_version", "show_cursor"]

#: How many of a list one answer holds at most.
Limit = Annotated[int, Query(ge=1, le=200, description="How many to return at most")]
#: Where the next part begins; what stands in it is nobody's business but ours.
Cursor = Annotated[
    str | None, Query(min_length=1, max_length=100, description="The last answer's `next`")
]

_VERSION: Final = re.compile(rb"v([1-9][0-9]{0,17})")
_ID: Final = re.compile(rb"i([0-9a-f]{32})")


class CursorMalformed(TallystickError):
    """The cursor is none that this list gave."""

    code = "cursor_malformed"
    field = "cursor"


def show_cursor(last: UUID | int) -> str:
    """Return the cursor of what follows the thing with this id, or the entry of this version."""
    text = f"v{last}" if isinstance(last, int) else f"i{last.hex}"
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def before_version(cursor: str | None) -> int | None:
    """Return the version below which to begin, None for the start; raise CursorMalformed."""
    return None if cursor is None else int(_read(cursor, _VERSION))


def after_id(cursor: str | None) -> UUID | None:
    """Return the id behind which to begin, None for the start; raise CursorMalformed."""
    return None if cursor is None else UUID(hex=_read(cursor, _ID).decode())


def _read(text: str, form: re.Pattern[bytes]) -> bytes:
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    match = form.fullmatch(raw)
    # Spelled in one way alone: base64 would take others for the same.
    if match is None or urlsafe_b64encode(raw).decode().rstrip("=") != text:
        raise CursorMalformed("This list gave no such cursor: send the `next` of its last answer.")
    return match[1]
