"""What every process does first: read the settings, or say everything that is wrong.

It starts nothing. A process that may not start ends here with status 1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import structlog
import typer

from tallystick.settings import (
    Settings,
    SettingsError,
    adopt,
    load_settings,
    named_data_folder,
)

__all__ = ["HOUSE_FILE", "house_file", "refuse_unsafe_database", "settings_or_exit"]

log: Final = structlog.get_logger(__name__)


#: What `tallystick start` keeps in its data folder while it runs, for other terminals.
HOUSE_FILE: Final = "running.env"


def house_file() -> Path:
    """Return where the house of the data folder that is named here keeps its address."""
    return named_data_folder() / HOUSE_FILE


def settings_or_exit(*, of_running_house: bool = False) -> Settings:
    """Return this place's settings; print every problem and exit 1 where there are any.

    Commands about a running house take what is not set from the one that `tallystick start`
    has running with this data folder.
    """
    if of_running_house:
        adopt(house_file())
    try:
        return load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        typer.echo("`tallystick env check` looks again; docs/ENVIRONMENT.md explains.", err=True)
        raise typer.Exit(1) from None


def refuse_unsafe_database(settings: Settings) -> None:
    """Exit 1 where production's database can forget; start where it does not answer yet."""
    if not settings.is_production:
        return
    from tallystick.bootstrap import House, Unsafe  # noqa: PLC0415 - heavy, and production's
    from tallystick.db import DatabaseUnavailable  # noqa: PLC0415 - the same

    try:
        House.from_settings(settings).refuse_unsafe()
    except Unsafe as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except DatabaseUnavailable:
        log.warning("database_not_examined", why="it does not answer; requests get 503 until then")
