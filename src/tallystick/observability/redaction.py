"""Redaction: what must never stand in a log, by the name of its key or by its shape.

It is the last net, not the first: code hands no secret to a log. What it cannot see is a
secret of no known shape below a harmless name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

__all__ = ["redact", "redact_event"]

MASK: Final = "[redacted]"

_SECRET_NAME: Final = re.compile(
    r"passw|secret|authorization|cookie|token|credential|api_?key|private_?key"
    r"|card_?number|^pan$|^cvc$|^cvv$|session_?(id|key)|signature",
    re.IGNORECASE,
)
#: 13 to 19 digits as on a card, also in groups; the networks' numbers begin with 2 to 6.
_CARD: Final = re.compile(r"(?<![0-9A-Za-z])[2-6](?:[ -]?[0-9]){12,18}(?![0-9A-Za-z])")
_SECRET_SHAPE: Final = re.compile(
    r"\b(?:tsk|sk_live|sk_test|rk_live|rk_test|whsec)_[A-Za-z0-9+/=_-]{6,}"
    r"|\b(?:Bearer|Basic)\s+[A-Za-z0-9+/=._~-]{6,}"
)
_URL_PASSWORD: Final = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)")
#: Addresses in letters: what stands behind these is a key that opens an account.
_PATH_KEY: Final = re.compile(
    r"(?P<head>/(?:new-password|verify-email)/)(?!done\b)[^\s?#\"'<>,;)\]}]+", re.IGNORECASE
)
#: A line end or an escape sequence in a value could forge a line or paint a terminal.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
#: What every shape above needs; most values of a line hold none of it, and are done at once.
_SUSPECT: Final = re.compile(r"[ _]|://|/(?i:new-password|verify-email)/|[0-9](?:-?[0-9]){12}")
#: How deep a value is followed; below that it is masked whole.
_DEPTH_MAX: Final = 6
_OWN_LINES: Final = {"exception", "stack"}


def redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Return the event without secrets, card numbers and control characters."""
    return {
        name: _mask_shapes(value)
        if name in _OWN_LINES and isinstance(value, str)
        else _clean(name, value, 0)
        for name, value in event.items()
    }


def redact(value: object) -> object:
    """Return the value as it may be logged: secrets and card numbers masked at any depth."""
    return _clean("", value, 0)


def _clean(name: str, value: Any, depth: int) -> Any:
    if (name and _is_secret(name)) or depth > _DEPTH_MAX:
        return MASK
    # Asked first: nearly all values are texts, and the question for mappings is dear.
    if isinstance(value, str):
        return _clean_single(value)
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean("", item, depth + 1) for item in value]
    return _clean_single(value)


@lru_cache(maxsize=1_024)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _clean_single(value: Any) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return MASK if _is_card(str(value)) else value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(value)} bytes]"
    text = str(value)
    # Nothing printable is a control character, nor a space but the plain one.
    if text.isprintable() and not _SUSPECT.search(text):
        return text
    return _CONTROL.sub(_shown, _mask_shapes(text))


def _mask_shapes(text: str) -> str:
    text = _SECRET_SHAPE.sub(MASK, text)
    text = _URL_PASSWORD.sub(rf"\g<head>{MASK}", text)
    text = _PATH_KEY.sub(rf"\g<head>{MASK}", text)
    return _CARD.sub(lambda found: MASK if _is_card(found.group()) else found.group(), text)


def _is_card(text: str) -> bool:
    """Return whether the digits have a card number's form and check digit (Luhn)."""
    if not _CARD.fullmatch(text):
        return False
    digits = [int(sign) for sign in reversed(text) if sign.isdigit()]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _shown(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode("ascii")
