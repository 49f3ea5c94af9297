"""`tallystick env`: check the settings of this place, and write their papers.

It reads the environment and `.env`, connects to nothing, and shows no secret.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from tallystick.settings import (
    PAPERS,
    Reading,
    Settings,
    SettingsError,
    read_settings,
    reference_page,
)

__all__ = ["register"]

_File = Annotated[Path, typer.Option("--file", help="The file to read beside the environment.")]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
_Write = Annotated[bool, typer.Option("--write", help="Write both files.")]
_Check = Annotated[bool, typer.Option("--check", help="Exit 1 if a file is not up to date.")]
_Folder = Annotated[Path, typer.Option("--folder", help="The repository's root.")]


def register(app: typer.Typer) -> None:
    """Add the commands `env check` and `env docs`."""
    env = typer.Typer(no_args_is_help=True, help="Check the settings; write their papers.")
    env.command("check")(check)
    env.command("docs")(docs)
    app.add_typer(env, name="env")


def check(*, file: _File = Path(".env"), as_json: _Json = False) -> None:
    """List everything that is wrong with the settings, all at once; exit 1 if anything is.

    Where all is well, show each setting and where it comes from. Secrets are masked.
    """
    reading = read_settings(env_file=file)
    if as_json:
        typer.echo(json.dumps(_as_json(reading), indent=2))
    elif reading.settings is None:
        _print_problems(reading)
    else:
        _print_settings(reading.settings, reading)
    if reading.problems:
        raise typer.Exit(1)


def docs(*, write: _Write = False, check: _Check = False, folder: _Folder = Path()) -> None:
    """Print the settings' page; with --write or --check care for .env.example and the page."""
    if not (write or check):
        typer.echo(reference_page(), nl=False)
        return
    if check:
        stale = [path for path, text in PAPERS.items() if _read(folder / path) != text()]
        for path in stale:
            typer.echo(f"{path} is not up to date. Run: tallystick env docs --write", err=True)
        if stale:
            raise typer.Exit(1)
        return
    for path, text in PAPERS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text(), encoding="utf-8")
        typer.echo(f"wrote {path}")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _shown(settings: Settings, name: str) -> str:
    """Return the setting's value as people see it, masked where it is a secret."""
    value = getattr(settings, name)
    if value is None or value == ():
        return ""
    if isinstance(value, SecretStr):
        return "••••••"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _as_json(reading: Reading) -> dict[str, object]:
    settings = reading.settings
    return {
        "ok": settings is not None,
        "env": settings.env if settings else None,
        "waived": list(settings.waived) if settings else [],
        "problems": [
            {"variable": one.variable, "what": one.what, "remedy": one.remedy}
            for one in reading.problems
        ],
        "settings": [
            {
                "variable": f"TALLYSTICK_{name.upper()}",
                "source": source,
                "value": _shown(settings, name) if settings else None,
            }
            for name, source in reading.sources.items()
        ],
    }


def _print_problems(reading: Reading) -> None:
    """Print a table on a terminal, and elsewhere one line a problem, to be searched and copied."""
    console = Console()
    if not console.is_terminal:
        typer.echo(f"{SettingsError(reading.problems)}\n{_count(reading)}")
        return
    table = Table(Column("Variable", no_wrap=True), "What is wrong", "What to do", show_lines=True)
    for problem in reading.problems:
        # Text, not str: a bracket in a name or a sentence is no mark-up.
        cells = (Text(cell, overflow="fold") for cell in (problem.what, problem.remedy))
        table.add_row(Text(problem.variable), *cells)
    console.print(table)
    console.print(_count(reading))


def _count(reading: Reading) -> str:
    count = len(reading.problems)
    return f"{count} problem{'' if count == 1 else 's'}: no process starts like this."


def _print_settings(settings: Settings, reading: Reading) -> None:
    """Print a table on a terminal, and elsewhere one line a setting, to be searched and copied."""
    console = Console()
    table = Table(Column("Variable", no_wrap=True), "Value", "Source")
    for name, source in reading.sources.items():
        variable, value = f"TALLYSTICK_{name.upper()}", _shown(settings, name)
        if console.is_terminal:
            table.add_row(Text(variable), Text(value, overflow="fold"), source)
        else:
            typer.echo(f"{variable}={value} ({source})")
    if console.is_terminal:
        console.print(table)
    if settings.waived:
        waived = Text(f"Waived checks: {', '.join(settings.waived)}")
        console.print(waived, style="bold yellow", soft_wrap=True)
    console.print(f"All is well: these settings may be used in {settings.env}.")
