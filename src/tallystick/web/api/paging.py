"""Cursors by version, of a wallet's entries. A cursor is opaque: it may change its form."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from tallystick.errors import TallystickError

__all__ = ["CursorMalformed", "read_cursor", "show_cursor"]

_VERSION: Final = re.compile(rb"v([0-9]{1,18})")
_CURSOR_MAX: Final = 40


class CursorMalformed(TallystickError):
    """The cursor is none that a list of ours gave."""

    code = "cursor_malformed"
    field = "cursor"


def show_cursor(version: int) -> str:
    """Return the cursor of the entries below this version."""
    return urlsafe_b64encode(f"v{version}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> int:
    """Return the version behind a cursor; raise CursorMalformed."""
    padded = text + "=" * (-len(text) % 4)
    try:
        match = _VERSION.fullmatch(urlsafe_b64decode(padded)) if len(text) <= _CURSOR_MAX else None
    except ValueError:
        match = None
    if match is None or show_cursor(int(match[1])) != text:
        raise CursorMalformed("Send the cursor as next_cursor gave it.")
    return int(match[1])
