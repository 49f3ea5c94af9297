"""Loading: read the environment and `.env`, and say everything that is wrong at once.

The environment wins over the file. An empty value counts as not set. Nothing here prints
or keeps a value, and no exception that leaves this module has one behind it.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dotenv.parser import parse_stream
from pydantic import ValidationError

from tallystick.settings import rules
from tallystick.settings.addresses import WrongValueError
from tallystick.settings.errors import Problem, SettingsError
from tallystick.settings.model import PREFIX, Settings

__all__ = ["Reading", "Source", "adopt", "load_settings", "named_data_folder", "read_settings"]

Source = Literal["environment", ".env", "default", "not set"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found: the settings if they may be used, all problems, and each one's source."""

    settings: Settings | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, Source]


def load_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Settings:
    """Return the settings of this process; raise SettingsError with every problem at once.

    `environ` is the process's environment unless given; `env_file` may be absent or None.
    """
    reading = read_settings(environ, env_file=env_file)
    # Tools that print the variables of a traceback's frames shall find no secret here.
    del environ
    if reading.settings is None:
        raise SettingsError(reading.problems)
    return reading.settings


def adopt(file: Path) -> None:
    """Take what this process's environment lacks from a file, into the environment itself.

    `tallystick start` keeps such a file while it runs, so that commands in another terminal find
    the running house. An absent file changes nothing, and production never adopts.
    """
    found, _ = _read_file(file)
    if os.environ.get(f"{PREFIX}ENV") != "production":
        for name, value in found.items():
            os.environ.setdefault(name, value)


def named_data_folder(*, env_file: Path | None = Path(".env")) -> Path:
    """Return the data folder that the environment or the file names, or the default one.

    It can be asked for where the other settings are wrong or still missing.
    """
    name = f"{PREFIX}DATA_FOLDER"
    given = {**_read_file(env_file)[0], **_ours(os.environ)}
    default: Path = Settings.model_fields["data_folder"].default
    return Path(given[name]) if given.get(name) else default


def read_settings(
    environ: Mapping[str, str] | None = None, *, env_file: Path | None = Path(".env")
) -> Reading:
    """Return the settings, or what is wrong with them, and where each value came from."""
    outside = _ours(os.environ if environ is None else environ)
    filed, file_problems = _read_file(env_file)
    given = {**filed, **outside}
    fields = {PREFIX + name.upper(): name for name in Settings.model_fields}
    values = {fields[name]: value for name, value in given.items() if name in fields and value}
    settings, field_problems = _validate(values)
    found = (
        *file_problems,
        *(_unknown(name, fields, name in outside) for name in sorted(given.keys() - fields)),
        *field_problems,
        *rules.problems(settings),
    )
    sources = {name: _source(variable, outside, filed) for variable, name in fields.items()}
    return Reading(None if found else settings, found, sources)


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that carry our prefix, in any case, so that a slip is noticed."""
    return {
        name: value.strip() for name, value in environ.items() if name.upper().startswith(PREFIX)
    }


def _source(variable: str, outside: Mapping[str, str], filed: Mapping[str, str]) -> Source:
    if outside.get(variable):
        return "environment"
    # An empty variable in the environment unsets what the file says.
    if filed.get(variable) and variable not in outside:
        return ".env"
    field = Settings.model_fields[variable.removeprefix(PREFIX).lower()]
    has_default = field.default_factory is not None or field.get_default() is not None
    return "default" if has_default and not field.is_required() else "not set"


def _read_file(path: Path | None) -> tuple[dict[str, str], list[Problem]]:
    """Return the file's variables with our prefix, and what cannot be read in it."""
    if path is None or not path.exists():
        return {}, []
    try:
        with path.open(encoding="utf-8-sig") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError):
        remedy = "Make it a text file (UTF-8) that this user may read, or take it away."
        return {}, [Problem(path.name, "cannot be read", remedy)]
    broken = [
        Problem(
            path.name,
            f"cannot be understood at line {binding.original.line}",
            "Write one NAME=value a line, with quotes round a value that has spaces in it.",
        )
        for binding in bindings
        if binding.error
    ]
    return _ours({one.key: one.value or "" for one in bindings if one.key}), broken


def _unknown(name: str, known: Iterable[str], from_outside: bool) -> Problem:  # noqa: FBT001 - private
    """Return the problem of a variable that carries our prefix and means nothing."""
    names = {one.removeprefix(PREFIX): one for one in known}
    near = difflib.get_close_matches(name.upper().removeprefix(PREFIX), names, n=1)
    place = "the environment" if from_outside else "the file"
    hint = f"Did you mean {names[near[0]]}?" if near else "docs/ENVIRONMENT.md lists them all."
    return Problem(name, "is no setting of Tallystick", f"Take it out of {place}. {hint}")


def _validate(values: Mapping[str, str]) -> tuple[Settings, list[Problem]]:
    """Return settings to judge as a whole, and the problems of single fields.

    A field that fails is replaced by its example, which no rule objects to: so one wrong
    value hides no other. Such settings are judged, and never handed out.
    """
    problems = _field_problems(values)
    if not problems:
        return Settings(**_typed(values)), []
    notes = Settings.notes()
    wrong = {problem.variable.removeprefix(PREFIX).lower() for problem in problems}
    examples = {name: notes[name].example for name in wrong}
    if "env" in wrong and values["env"].lower().startswith("dev"):
        examples["env"] = "development"
    return Settings(**_typed({**values, **examples})), problems


def _typed(values: Mapping[str, str]) -> dict[str, Any]:
    return dict(values)


def _field_problems(values: Mapping[str, str]) -> list[Problem]:
    try:
        Settings(**_typed(values))
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    else:
        return []
    return [
        _in_words(str(detail["loc"][0]), detail["type"], detail.get("ctx", {}))
        for detail in details
        # A default that hangs on another field, which is wrong and reported itself.
        if detail["type"] != "default_factory_not_called"
    ]


def _in_words(field: str, kind: str, context: Mapping[str, Any]) -> Problem:
    """Return one complaint of the validation library in words for a person."""
    note = Settings.notes()[field]
    variable = PREFIX + field.upper()
    like = f"For example: {variable}={note.example}"
    cause = context.get("error")
    if isinstance(cause, WrongValueError):
        return Problem(variable, cause.what, cause.remedy)
    if kind == "missing":
        return Problem(variable, "is not set", f"Set it. {note.text} {like}")
    bounds = _bounds(field)
    words = {
        "bool_parsing": ("is neither true nor false", "Write true or false."),
        "literal_error": ("is none of its possible values", f"Write {context.get('expected')}."),
        "greater_than_equal": ("is too small", f"Give a whole number {bounds}."),
        "less_than_equal": ("is too large", f"Give a whole number {bounds}."),
    }
    what, remedy = words.get(kind, ("is no whole number", f"Give a whole number {bounds}."))
    return Problem(variable, what, f"{remedy} {like}")


def _bounds(field: str) -> str:
    limits = {
        name: getattr(mark, name)
        for mark in Settings.model_fields[field].metadata
        for name in ("ge", "le")
        if hasattr(mark, name)
    }
    return f"from {limits['ge']} to {limits['le']}" if len(limits) == 2 else ""  # noqa: PLR2004 - both bounds
