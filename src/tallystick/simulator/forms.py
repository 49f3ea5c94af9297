"""Decode `application/x-www-form-urlencoded` with nested names, as `items[0][price][amount]=5`.

Strict: it refuses what it would have to guess (a name given twice, a value that is also a
group, bytes that are no UTF-8) and bounds depth and number. Values stay text.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from tallystick.simulator.errors import FormMalformed

__all__ = ["Form", "decode"]

#: A group of names; a list is a group whose names are 0, 1, 2 …
Form = dict[str, "str | Form"]

_FIELDS_MAX: Final = 1_000
_DEPTH_MAX: Final = 8
_NAME: Final = re.compile(r"(?P<head>[A-Za-z0-9_]{1,64})(?P<tail>(?:\[[^\[\]]{0,64}\])*)")
_ESCAPE_BROKEN: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def decode(raw: bytes) -> Form:
    """Return the form behind the raw bytes; raise FormMalformed for anything ambiguous."""
    form: Form = {}
    if not raw:
        return form
    pairs = raw.split(b"&")
    if len(pairs) > _FIELDS_MAX:
        raise FormMalformed(f"Send at most {_FIELDS_MAX} fields.")
    for pair in pairs:
        name, equals, value = pair.partition(b"=")
        if not equals:
            raise FormMalformed("Every field needs a name, an equals sign and a value.")
        _place(form, _path(_text(name)), _text(value))
    return form


def _text(raw: bytes) -> str:
    if _ESCAPE_BROKEN.search(raw):
        raise FormMalformed("A percent sign is not followed by two hexadecimal digits.")
    try:
        text = unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise FormMalformed("Names and values must be UTF-8.") from trouble
    if "\0" in text:
        raise FormMalformed("Names and values cannot hold the NUL character.")
    return text


def _path(name: str) -> list[str]:
    match = _NAME.fullmatch(name)
    if match is None:
        raise FormMalformed(f"The name {name[:80]!r} is no field name.")
    path = [match["head"], *match["tail"][1:-1].split("][")] if match["tail"] else [match["head"]]
    if len(path) > _DEPTH_MAX:
        raise FormMalformed(f"Fields nest at most {_DEPTH_MAX} deep.")
    return path


def _place(form: Form, path: list[str], value: str) -> None:
    group = form
    for step in path[:-1]:
        inner = group.setdefault(step or str(len(group)), {})
        if not isinstance(inner, dict):
            raise FormMalformed(f"The field {step!r} is given both a value and parts.")
        group = inner
    last = path[-1] or str(len(group))
    if last in group:
        raise FormMalformed(f"The field {last!r} is given twice.")
    group[last] = value
