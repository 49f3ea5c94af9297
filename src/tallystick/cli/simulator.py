"""`tallystick simulator`: the provider simulator, for development and tests.

It serves until it is told to end. It needs no database and refuses keys of real money.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick import observability
from tallystick.cli.startup import settings_or_exit
from tallystick.simulator import Configuration, SimulatorError, run

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulator")(simulator)


def simulator(
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the journal.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where webhooks are sent.")] = None,
    *,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what the journal holds.")] = False,
) -> None:
    """Serve the simulated providers: the API, the payment page and signed webhooks."""
    settings = settings_or_exit()
    observability.configure(settings.log_level, settings.log_format)
    try:
        configuration = Configuration.from_settings(
            settings, port=port, data=data, webhook_url=webhook_url, reset=reset
        )
        run(configuration, say=typer.echo)
    except SimulatorError as trouble:
        typer.echo(f"No simulator: {trouble}", err=True)
        raise typer.Exit(1) from None
