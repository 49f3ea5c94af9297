"""Papers: `.env.example` and docs/ENVIRONMENT.md, written from the fields themselves.

Pure text out of the notes. No value of this machine's environment can get into them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from tallystick.settings.kinds import Note
from tallystick.settings.model import PREFIX, Settings
from tallystick.settings.rules import MEANINGS, Check

__all__ = ["PAPERS", "example_file", "is_secret", "reference_page"]

_NEEDED: Final[Mapping[str, str]] = MappingProxyType(
    {"always": "always", "production": "in production", "no": "no"}
)
_WIDTH: Final = 96
_EXAMPLE_HEAD: Final = """\
# Settings of Tallystick. Copy this file to .env and take the # from what you set.
# The environment wins over .env. In development `tallystick start` sets what is needed;
# without it, two settings are needed: TALLYSTICK_DATABASE_URL and TALLYSTICK_REDIS_URL.
# `tallystick env check` lists everything that is wrong. Keep .env out of version control.
#
# Generated from src/tallystick/settings by `tallystick env docs --write`.
"""
_PAGE_HEAD: Final = """\
<!-- Generated from src/tallystick/settings by `tallystick env docs --write`. -->

# Settings

Tallystick is configured by environment variables that begin with `TALLYSTICK_`. A file
`.env` in the working folder is read too; the environment wins over it. An empty value counts
as not set. In development, `tallystick start` sets what is needed; without it, two settings
are needed: `TALLYSTICK_DATABASE_URL` and `TALLYSTICK_REDIS_URL`.

`tallystick env check` lists everything that is wrong, all at once, and every process does the
same before it starts. A `TALLYSTICK_` variable that means nothing is a problem too, so that a
misspelt one cannot be overlooked. Values are never repeated in these messages, and secrets
are masked everywhere.
"""
_CHECKS_HEAD: Final = """\
## What production refuses

With `TALLYSTICK_ENV=production` a process does not start where one of these checks fails.
`TALLYSTICK_ACCEPT` waives checks by name, each one separately, as in
`TALLYSTICK_ACCEPT=plain_http,redis_tls`. What is waived is shown in health and readiness.

| Check | What it refuses |
|---|---|
"""


def is_secret(info: FieldInfo) -> bool:
    """Return whether the field holds a secret, which is masked wherever it is shown."""
    return SecretStr in {info.annotation, *get_args(info.annotation)}


def example_file() -> str:
    """Return the text of `.env.example`: every setting, commented out."""
    parts = [_EXAMPLE_HEAD]
    for section, names in _sections():
        parts.append(f"\n# --- {section} {'-' * (_WIDTH - len(section) - 7)}\n")
        parts += [_example_entry(name) for name in names]
    return "".join(parts)


def reference_page() -> str:
    """Return the text of docs/ENVIRONMENT.md: every setting and every check of production."""
    parts = [_PAGE_HEAD]
    for section, names in _sections():
        parts.append(f"\n## {section}\n")
        parts += [_page_entry(name) for name in names]
    checks = "".join(f"| `{check}` | {MEANINGS[check]} |\n" for check in Check)
    return "".join([*parts, "\n", _CHECKS_HEAD, checks])


#: The generated papers by their path below the repository's root.
PAPERS: Final = MappingProxyType(
    {Path(".env.example"): example_file, Path("docs/ENVIRONMENT.md"): reference_page}
)


def _sections() -> list[tuple[str, list[str]]]:
    """Return the settings' names by section, in the order of the fields."""
    notes = Settings.notes()
    return [
        (section, list(names))
        for section, names in groupby(notes, lambda name: notes[name].section)
    ]


def _example_entry(name: str) -> str:
    note, info = Settings.notes()[name], Settings.model_fields[name]
    facts = f"Needed: {_NEEDED[note.needed]}. Default: {_shown_default(info).replace('`', '')}."
    lines = [*textwrap.wrap(note.text, _WIDTH - 2, break_on_hyphens=False), facts]
    if note.where:
        lines += textwrap.wrap(f"From: {note.where}", _WIDTH - 2, break_on_hyphens=False)
    said = "".join(f"# {line}\n" for line in lines)
    return f"\n{said}# {PREFIX}{name.upper()}={_quoted(note.example)}\n"


def _page_entry(name: str) -> str:
    note, info = Settings.notes()[name], Settings.model_fields[name]
    lines = [
        f"\n### `{PREFIX}{name.upper()}`\n",
        f"{note.text}\n",
        f"- Needed: {_NEEDED[note.needed]}",
        f"- Value: {_kind(info, note)}",
        f"- Default: {_shown_default(info)}",
        f"- Example: `{PREFIX}{name.upper()}={_quoted(note.example)}`",
    ]
    if note.where:
        lines.append(f"- Where to get it: {note.where}")
    return "\n".join(lines) + "\n"


def _quoted(example: str) -> str:
    return f'"{example}"' if " " in example else example


def _default(info: FieldInfo) -> str:
    if info.default_factory is not None:
        return "true in development, false in production"
    value = info.default
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != () else "none"


def _shown_default(info: FieldInfo) -> str:
    if info.is_required() or (info.default is None and info.default_factory is None):
        return "none"
    if is_secret(info):
        return "a public one, for development"
    text = _default(info)
    return text if text == "none" or info.default_factory is not None else f"`{text}`"


def _kind(info: FieldInfo, note: Note) -> str:
    """Return what may stand in the setting, in words."""
    bounds = {
        name: getattr(mark, name)
        for mark in info.metadata
        for name in ("ge", "le")
        if hasattr(mark, name)
    }
    if bounds:
        return f"a whole number from {bounds['ge']} to {bounds['le']}"
    if get_origin(info.annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(info.annotation))
    if is_secret(info):
        return "a secret" if "://" not in note.example else "an address; a secret"
    return _plain_kind(info, note)


def _plain_kind(info: FieldInfo, note: Note) -> str:
    if info.annotation is bool:
        return "true or false"
    if info.annotation is Path:
        return "a folder"
    if info.annotation == Path | None:
        return "a path"
    if info.annotation == tuple[str, ...]:
        return "names, separated by commas"
    return "an address" if "://" in note.example else "a text"
