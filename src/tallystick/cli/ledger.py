"""`tallystick ledger`: prove the books. It reads, and changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from tallystick import clock, db, ledger
from tallystick.cli.startup import settings_or_exit
from tallystick.ledger import Breach

__all__ = ["register"]

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a look at the books found, and how long it took."""

    breaches: list[Breach]
    entries: int
    seconds: float

    @property
    def transfers(self) -> int:
        """Return how many transfers were looked at: each has two entries."""
        return self.entries // 2

    @property
    def rate(self) -> int:
        """Return transfers a second."""
        return round(self.transfers / self.seconds) if self.seconds else 0


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    books = typer.Typer(help="The double-entry books.", no_args_is_help=True)
    books.callback()(_ledger)
    books.command("verify")(_verify)
    app.add_typer(books, name="ledger")


def _ledger() -> None:
    """The double-entry books."""


def _verify(*, as_json: _Json = False) -> None:
    """Prove the books from one snapshot of them, while they are in use; exit 1 on a breach.

    Balances of each currency sum to zero, every account equals its entries, versions have no gap,
    bounds hold, and every transfer lies in its month.
    """
    settings = settings_or_exit(of_running_house=True)
    try:
        finding = _look(settings.direct_url.get_secret_value(), quiet=as_json)
    except (db.DatabaseUnavailable, psycopg.Error) as trouble:
        typer.echo(f"The books were not read: {trouble}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(_as_json(finding), indent=2))
    else:
        _print(finding)
    if finding.breaches:
        raise typer.Exit(1)


def _look(url: str, *, quiet: bool) -> _Finding:
    entries = 0
    began = clock.start()
    with (
        db.connect(url, application_name="tallystick-verify") as conn,
        db.snapshot(conn),
        _bar(quiet=quiet) as show,
    ):

        def advance(done: int, total: int) -> None:
            nonlocal entries
            entries = total
            show(done, total)

        breaches = ledger.verify(conn, on_progress=advance)
    return _Finding(breaches, entries, clock.elapsed_since(began))


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar on the terminal's error stream; nothing where none looks."""
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    hidden = quiet or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("entries", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _as_json(finding: _Finding) -> dict[str, object]:
    return {
        "ok": not finding.breaches,
        "transfers": finding.transfers,
        "seconds": round(finding.seconds, 3),
        "transfers_per_s": finding.rate,
        "breaches": [asdict(breach) for breach in finding.breaches],
    }


def _print(finding: _Finding) -> None:
    console = Console()
    what = (
        f"{finding.transfers:,} transfers in {finding.seconds:.2f} s ({finding.rate:,} transfers/s)"
    )
    if not finding.breaches:
        console.print(f"[green]The books are right:[/] {what}.", highlight=False, soft_wrap=True)
        return
    console.print(f"[red]The books are wrong:[/] {what}.", highlight=False, soft_wrap=True)
    table = Table("invariant", Column("where", overflow="fold"), "difference")
    for breach in finding.breaches:
        table.add_row(breach.invariant, breach.where, f"{breach.difference:,}")
    console.print(table)
