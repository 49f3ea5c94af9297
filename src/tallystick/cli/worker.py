"""`tallystick worker`: a parent that keeps one process a queue group alive.

The parent imports everything once and connects to nothing; each child joins its own house.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer

from tallystick.cli.startup import refuse_unsafe_database, settings_or_exit
from tallystick.cli.telling import tell_metrics
from tallystick.jobs import GROUPS
from tallystick.observability import configure
from tallystick.observability.exposition import METRICS_THREAD, join
from tallystick.settings import Settings

__all__ = ["register"]

#: Seconds that running jobs may take to finish after the farewell, and until the kill.
_DRAIN_S: Final = 25.0
_PATIENCE_S: Final = 30.0


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("worker")(_worker)


def _worker(
    group: Annotated[
        list[str] | None,
        typer.Option(help=f"Run this group only: {', '.join(GROUPS)}. May be given again."),
    ] = None,
) -> None:
    """Run background jobs until Ctrl-C: one process a queue group, respawned when it dies."""
    names = list(dict.fromkeys(group or GROUPS))
    if unknown := [name for name in names if name not in GROUPS]:
        groups = ", ".join(GROUPS)
        typer.echo(f"There is no group {unknown[0]!r}: choose from {groups}.", err=True)
        raise typer.Exit(2)
    settings = settings_or_exit()
    configure(settings.log_level, settings.log_format)
    refuse_unsafe_database(settings)
    from tallystick.jobs.worker import Family  # noqa: PLC0415 - other commands need no Procrastinate

    with ExitStack() as stack:
        folder = tell_metrics(
            settings.metrics_host,
            settings.worker_metrics_port,
            variable="WORKER_METRICS_PORT",
            stack=stack,
        )
        members = _members(settings, names, None if folder is None else folder.path)
        Family(
            members,
            patience_s=_PATIENCE_S,
            bury=_nobody if folder is None else folder.bury,
            spared=frozenset({METRICS_THREAD}),
        ).run()


def _nobody(_: int) -> None:
    """Bury nobody: nothing was counted."""


def _members(
    settings: Settings, names: list[str], folder: Path | None
) -> dict[str, Callable[[], None]]:
    # Imported before the fork, so that the children share it.
    import tallystick.bootstrap  # noqa: F401, PLC0415 - the same

    return {name: partial(_work, settings, name, folder) for name in names}


def _work(settings: Settings, group: str, folder: Path | None) -> None:
    """Be the group's process, and count in the folder, where there is one."""
    if folder is not None:
        join(folder)
    from tallystick.bootstrap import House  # noqa: PLC0415 - the same
    from tallystick.jobs.worker import run_group  # noqa: PLC0415 - the same

    house = House.from_settings(settings)
    concurrency = {
        "money": settings.money_concurrency,
        "webhooks": settings.webhooks_concurrency,
        "upkeep": settings.upkeep_concurrency,
    }
    try:
        run_group(
            registry=house.registry,
            drains=house.drains,
            group=group,
            url=settings.direct_url.get_secret_value(),
            concurrency=concurrency[group],
            stalled_after_s=settings.job_stalled_after_s,
            attempts_max=settings.job_attempts_max,
            drain_s=_DRAIN_S,
        )
    finally:
        house.close()
