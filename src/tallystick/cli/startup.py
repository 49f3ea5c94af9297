"""What every process does first: read the settings, or say everything that is wrong.

It starts nothing. A process that may not start ends here with status 1.
"""

from __future__ import annotations

import typer

from tallystick.settings import Settings, SettingsError, load_settings

__all__ = ["settings_or_exit"]


def settings_or_exit() -> Settings:
    """Return this place's settings; print every problem and exit 1 where there are any."""
    try:
        return load_settings()
    except SettingsError as error:
        typer.echo(str(error), err=True)
        typer.echo("`tallystick env check` looks again; docs/ENVIRONMENT.md explains.", err=True)
        raise typer.Exit(1) from None
