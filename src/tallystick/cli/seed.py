"""`tallystick seed`: demo people with three months of money, for development.

One transaction holds all of it, people, wallets and books, and ends only where the books are
right: an interrupted seed leaves nothing, and the next one begins anew. Never in production.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tallystick import clock, db, ledger, wallets
from tallystick.cli.planting import plant
from tallystick.cli.startup import settings_or_exit
from tallystick.database import seeds
from tallystick.database.seeds import Movement
from tallystick.settings import Settings
from tallystick.web import heart, load_django, people
from tallystick.web.people import NamesTaken

__all__ = ["register"]

_Seed = Annotated[
    int,
    typer.Option("--seed", min=0, help="Where chance begins: the same number, the same amounts."),
]


class _Refused(Exception):
    """Nothing was made; the text is the sentence for the person."""


@dataclass(frozen=True, slots=True)
class _Planted:
    """What a seed made, and how long it took."""

    movements: Sequence[Movement]
    seconds: float


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("seed")(_seed)


def _seed(*, seed: _Seed = 1) -> None:
    """Make demo people with three months of money: all of it, or nothing.

    A second run finds them there and makes nothing twice. It does not run in production.
    """
    settings = settings_or_exit(of_running_house=True)
    if settings.is_production:
        typer.echo("The seed makes people and money: it does not run in production.", err=True)
        raise typer.Exit(1)
    load_django()
    from django.db import Error  # noqa: PLC0415 - after setup

    try:
        planted = _plant(seed, settings)
    except _Refused as refusal:
        typer.echo(str(refusal), err=True)
    except psycopg.errors.UndefinedTable:
        typer.echo("The database has no schema of ours: run `tallystick migrate` first.", err=True)
    except (Error, psycopg.Error) as trouble:
        typer.echo(f"The database did not take it, and nothing was made: {trouble}", err=True)
    else:
        _print(planted)
        return
    raise typer.Exit(1)


def _plant(seed: int, settings: Settings) -> _Planted | None:
    """Make all in one transaction and return what was made; None where it is there already.

    Raises _Refused where another seed is at work, a name is taken, or the books would be wrong.
    """
    began = clock.start()
    with heart() as conn:
        if not seeds.take_turn(conn):
            raise _Refused(
                "Another seed is at work in this database, so this one made nothing. Run it again"
                " when that one has ended."
            )
        if wallets.of_owner(conn, owner=seeds.AMINA.owner):
            return None
        now = db.now(conn).astimezone(ZoneInfo(settings.time_zone))
        chance = random.Random(seed)  # noqa: S311 - chance that repeats itself
        movements = [*seeds.plan(chance, now=now), *seeds.fresh(now)]
        _enrol()
        with _bar(len(movements)) as advance:
            plant(conn, movements, now=now, advance=advance)
        breaches = ledger.verify(conn)
        if breaches:
            raise _Refused(
                f"The books are wrong ({breaches[0]}), so nothing was made. `tallystick ledger"
                " verify` shows all that is wrong."
            )
    return _Planted(movements, clock.elapsed_since(began))


def _enrol() -> None:
    """Make the people; raise _Refused where somebody has one of their names."""
    try:
        people.enrol(list(seeds.CAST.values()), password=seeds.PASSWORD)
    except NamesTaken as refusal:
        raise _Refused(
            f"{refusal} The demo people need these names, so nothing was made. Seed an empty"
            " database; `bin/start --reset` makes one."
        ) from refusal


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], object]]:
    """Show a progress bar on the terminal's error stream; nothing where none looks."""
    columns = (TextColumn("booking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("movements", total=total)
        yield lambda done: bar.update(task, advance=done)


def _print(planted: _Planted | None) -> None:
    if planted is None:
        typer.echo("The demo people are there already: nothing was made.")
    else:
        first, last = planted.movements[0].at, planted.movements[-1].at
        typer.echo(
            f"{len(seeds.CAST)} demo people with {len(planted.movements):,} movements from"
            f" {first:%Y-%m-%d} to {last:%Y-%m-%d}, in {planted.seconds:.1f} s."
        )
        typer.echo("The books are right: every balance equals its entries, and all sum to zero.")
    typer.echo(f"Sign in as {seeds.AMINA.email}, or as the operator {seeds.OPERATOR.email}.")
    typer.echo(f"The password of them all: {seeds.PASSWORD}")
