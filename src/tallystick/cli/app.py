"""The tree of commands, joined here and nowhere else."""

from __future__ import annotations

import typer

from tallystick import __version__
from tallystick.cli import (
    breakers,
    env,
    health,
    keys,
    ledger,
    migrate,
    people,
    seed,
    selftest,
    serve,
    simulator,
    start,
    webhooks,
    worker,
)

__all__ = ["build"]


def build() -> typer.Typer:
    """Return the whole command line."""
    app = typer.Typer(
        name="tallystick",
        help="Wallets and payments on a double-entry ledger that loses nothing.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(_tallystick)
    rooms = (
        *(start, serve, worker, simulator, migrate, seed, selftest, health, env),
        *(people, keys, ledger, breakers, webhooks),
    )
    for command in rooms:
        command.register(app)
    return app


def _tallystick(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"tallystick {__version__}")
        raise typer.Exit
