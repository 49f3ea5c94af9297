"""`tallystick breakers`: which operations of providers are called now, and a reset by hand.

It asks the fleet's store. While that is away there is nothing to see: every process has its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tallystick.bootstrap import House
from tallystick.cli.startup import settings_or_exit
from tallystick.observability import configure
from tallystick.resilience import Breakers, BreakerState, BreakerView

__all__ = ["register"]

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
_Name = Annotated[str, typer.Argument(help="The operation, as stripe.collect: see the list.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(help="Breakers round the operations of providers.")
    group.callback(no_args_is_help=True)(_breakers)
    group.command("list")(_list)
    group.command("reset")(_reset)
    app.add_typer(group, name="breakers")


def _breakers() -> None:
    """Breakers round the operations of providers."""


def _list(*, as_json: _Json = False) -> None:
    """List the breakers that the fleet knows; one shows once its operation was called."""
    with _fleet() as breakers:
        views = _views(breakers)
    if as_json:
        typer.echo(json.dumps({"breakers": [asdict(view) for view in views]}, indent=2))
    else:
        _print(views)


def _reset(name: _Name) -> None:
    """Close a breaker for the whole fleet; calls are paced for a while, as after a good probe."""
    with _fleet() as breakers:
        known = {view.name for view in _views(breakers)}
        if name not in known:
            typer.echo(
                f"No breaker is called {name[:70]!r}: see `tallystick breakers list`.", err=True
            )
            raise typer.Exit(1)
        is_done = breakers.reset(name)
    typer.echo(f"{name} is closed." if is_done else f"{name} was closed already.")


@contextmanager
def _fleet() -> Iterator[Breakers]:
    settings = settings_or_exit(of_running_house=True)
    # The sentences here say it all, and standard output is for what was asked.
    configure("ERROR", settings.log_format)
    house = House.from_settings(settings)
    try:
        yield house.breakers
    finally:
        house.close()


def _views(breakers: Breakers) -> list[BreakerView]:
    """Return the fleet's breakers; exit 1 where its store does not answer."""
    views = breakers.fleet_views()
    if views is None:
        typer.echo(
            "The cache (TALLYSTICK_REDIS_URL) does not answer. Each process has breakers of its"
            " own until it is back; nothing was done.",
            err=True,
        )
        raise typer.Exit(1)
    return views


def _print(views: list[BreakerView]) -> None:
    if not views:
        typer.echo("No breaker is known: no operation of a provider was called lately.")
        return
    table = Table("operation", "state", "calls", "failed", "slow", "since", "next call")
    for view in views:
        since = "" if view.opened_ago_s is None else f"{view.opened_ago_s:.0f} s ago"
        counts = (str(count) for count in (view.calls, view.failures, view.slow))
        table.add_row(view.name, view.state.value, *counts, since, _next(view))
    Console().print(table)


def _next(view: BreakerView) -> str:
    if view.state is BreakerState.CLOSED:
        return "paced" if view.is_paced else "at once"
    return f"in {view.retry_after_s:.0f} s" if view.retry_after_s else "now, as a probe"
