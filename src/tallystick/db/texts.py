"""What PostgreSQL can keep as text. It looks at text alone and asks no database."""

from __future__ import annotations

__all__ = ["is_text"]


def is_text(text: str) -> bool:
    """Return whether it has a form in UTF-8, as half of a pair has not, and holds no NUL."""
    if text.isascii():
        return "\0" not in text
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text
