"""Names as others may see them: enough to know somebody, too little to learn of them. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["masked"]

_SHOWN: Final = 2


def masked(*, name: str, handle: str | None, email: str) -> str:
    """Return `Wa… K.` for Wanjiru Kamau; without a name the handle, else the address, masked."""
    words = name.split()
    if words:
        initial = f" {words[-1][0].upper()}." if len(words) > 1 else ""
        return f"{_beginning(words[0])}{initial}"
    if handle:
        return f"@{_beginning(handle)}"
    local, _, domain = email.partition("@")
    return f"{_beginning(local)}@{domain[:1]}…"


def _beginning(word: str) -> str:
    """Return the first letters of a word, never all of them."""
    return f"{word[: max(1, min(_SHOWN, len(word) - 1))]}…"
