"""`tallystick simulator`: the provider simulator, and its journal compared with our books.

For development and tests. It serves until it is told to end, needs no database for that, and
refuses keys of real money. The comparison reads both sides and changes neither.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import psycopg
import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table

from tallystick import clock, comparison, db, observability
from tallystick.cli.startup import settings_or_exit
from tallystick.comparison import Comparison
from tallystick.errors import TallystickError
from tallystick.simulator import Configuration, SimulatorError, read_journal, run

__all__ = ["register"]

_PROVIDER: Final = "stripe"
_LOOK_EVERY_S: Final = 1.0

_Journal = Annotated[
    str | None,
    typer.Option(help="The journal's folder, or a simulator's address. Else this house's folder."),
]
_Within = Annotated[
    int,
    typer.Option(
        min=0, max=3_600, help="Look again for so many seconds until all fits: facts take a moment."
    ),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer()
    group.callback(invoke_without_command=True)(_simulator)
    group.command("compare")(_compare)
    app.add_typer(group, name="simulator")


def _simulator(
    context: typer.Context,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port to listen on.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the journal.")] = None,
    webhook_url: Annotated[str | None, typer.Option(help="Where webhooks are sent.")] = None,
    *,
    reset: Annotated[bool, typer.Option("--reset", help="Forget what the journal holds.")] = False,
) -> None:
    """Serve the simulated providers: the API, the payment page and signed webhooks."""
    if context.invoked_subcommand is not None:
        return
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


def _compare(*, journal: _Journal = None, within: _Within = 0, as_json: _Json = False) -> None:
    """Compare what the simulated provider did with our books; exit 1 on a difference.

    Each paid charge, refund and dispute of ours is one booking of the same amount, and nothing
    is booked that the provider does not know. Other providers' payments are left out.
    """
    settings = settings_or_exit(of_running_house=True)
    place = journal or str(settings.simulator_data)
    began = clock.start()
    try:
        with _spinner(quiet=as_json) as tell:
            found = _look(settings.direct_url.get_secret_value(), place, tell)
            while found.differences and clock.elapsed_since(began) < within:
                clock.pause(_LOOK_EVERY_S)
                found = _look(settings.direct_url.get_secret_value(), place, tell)
    except (TallystickError, psycopg.Error) as trouble:
        typer.echo(f"Nothing was compared: {trouble}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2))
    else:
        _print(found)
    if found.differences:
        raise typer.Exit(1)


def _look(url: str, place: str, tell: Callable[[int], None]) -> Comparison:
    """Read the books first: the provider knows what they have, but not the other way round."""
    with (
        db.connect(url, application_name="tallystick-compare") as conn,
        db.snapshot(conn),
    ):
        books = comparison.books(conn, provider=_PROVIDER)
    return comparison.compare(comparison.of_stripe(read_journal(place, on_progress=tell)), books)


@contextmanager
def _spinner(*, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show how far the journal is read on the terminal's error stream; nothing where none looks."""
    columns = (SpinnerColumn(), TextColumn("reading the journal"), MofNCompleteColumn())
    hidden = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("lines", total=None)
        yield lambda lines: bar.update(task, completed=lines)


def _as_json(found: Comparison) -> dict[str, object]:
    return {
        "ok": not found.differences,
        "compared": {f"{kind}s": count for kind, count in found.compared.items()},
        "bookings": found.bookings,
        "postings": found.postings,
        "sums": [asdict(one) for one in found.sums],
        "others": {f"{kind}s": count for kind, count in found.others.items()},
        "webhooks_owed": found.webhooks_owed,
        "differences": [asdict(one) for one in found.differences],
    }


def _print(found: Comparison) -> None:
    console = Console()
    told = ", ".join(f"{count:,} {kind}s" for kind, count in found.compared.items()) or "nothing"
    what = f"{told} of the provider's, {found.bookings:,} bookings of ours."
    others = ", ".join(f"{count:,} {kind}s" for kind, count in found.others.items())
    lines = [f"Left out, because without our reference: {others}."] if others else []
    if found.webhooks_owed:
        lines.append(f"Webhooks that the provider still owes: {found.webhooks_owed:,}.")
    verdict = "[red]They differ:[/]" if found.differences else "[green]They agree:[/]"
    for line in (f"{verdict} {what}", *lines):
        console.print(line, highlight=False, soft_wrap=True)
    if not found.differences:
        return
    folded = [Column(name, overflow="fold") for name in ("about", "the provider", "the books")]
    table = Table("difference", *folded)
    for one in found.differences:
        table.add_row(one.trouble, one.about, one.provider, one.books)
    console.print(table)
