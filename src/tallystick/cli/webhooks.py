"""`tallystick webhooks`: look into the inbox, and let events be processed again.

It shows no body, and processes nothing itself: the workers do.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from tallystick import db, ids, webhooks
from tallystick.bootstrap import House
from tallystick.cli.startup import settings_or_exit
from tallystick.db import DatabaseUnavailable
from tallystick.ids import IdMalformed
from tallystick.webhooks import EventState, Kept, WebhookError

__all__ = ["register"]

_PREFIX: Final = "whk"
_BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)

_State = Annotated[EventState | None, typer.Option("--state", help="Only events that stand there.")]
_Provider = Annotated[
    str | None, typer.Option("--provider", help="Only this provider's events, as stripe.")
]
_Limit = Annotated[
    int, typer.Option("--limit", min=1, max=webhooks.LISTED_MAX, help="So many at most.")
]
_Before = Annotated[
    str | None, typer.Option("--before", help="Only events older than this one, as whk_….")
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
_Event = Annotated[
    str | None, typer.Argument(help="One event, as whk_…: `tallystick webhooks list`.")
]
_Failed = Annotated[bool, typer.Option("--failed", help="All failed events of a span.")]
_Since = Annotated[
    datetime | None,
    typer.Option("--since", help="The span's beginning, received then or later; UTC."),
]
_Until = Annotated[
    datetime | None, typer.Option("--until", help="The span's end, received before; UTC. Else now.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many they are.")]
_Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(help="The inbox: what providers told us.")
    group.callback(no_args_is_help=True)(_webhooks)
    group.command("list")(_list)
    group.command("replay")(_replay)
    group.command("gaps")(_gaps)
    app.add_typer(group, name="webhooks")


def _webhooks() -> None:
    """The inbox: what providers told us."""


def _list(
    *,
    state: _State = None,
    provider: _Provider = None,
    limit: _Limit = 50,
    before: _Before = None,
    as_json: _Json = False,
) -> None:
    """List events, the newest first, without their bodies."""
    with _house() as house, house.pool.transaction() as conn:
        found = webhooks.events(
            conn,
            state=state,
            provider=provider,
            limit=limit,
            before=None if before is None else ids.read(_PREFIX, before),
        )
    _print(found, as_json=as_json, none="There is no such event.")


def _gaps(*, provider: _Provider = None, limit: _Limit = 50, as_json: _Json = False) -> None:
    """List the events that nobody had delivered: they stood in the provider's own list.

    Each minute `tallystick worker` looks there for events that are older than one.
    """
    with _house() as house, house.pool.transaction() as conn:
        found = webhooks.gaps(conn, provider=provider, limit=limit)
    _print(found, as_json=as_json, none="Every event that is here was delivered.")


def _replay(
    event: _Event = None,
    *,
    failed: _Failed = False,
    since: _Since = None,
    until: _Until = None,
    provider: _Provider = None,
    dry_run: _DryRun = False,
    yes: _Yes = False,
) -> None:
    """Let an event that failed or was ignored be processed again, or all that failed in a span.

    Money moves at most once, however often an event is processed.
    """
    if (event is not None) == failed:
        raise typer.BadParameter("Give one event, or --failed.")
    if event is not None and (since or until or provider or dry_run):
        raise typer.BadParameter("--since, --until, --provider and --dry-run go with --failed.")
    with _house() as house:
        if event is not None:
            with house.pool.transaction() as conn:
                webhooks.replay(conn, event_id=ids.read(_PREFIX, event))
            typer.echo(f"{event} will be processed again.")
        else:
            _replay_failed(house, since, until, provider, dry_run=dry_run, yes=yes)


def _replay_failed(
    house: House,
    since: datetime | None,
    until: datetime | None,
    provider: str | None,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Say how many events failed in the span, ask, and let them be processed again."""
    with house.pool.transaction() as conn:
        begin, end = _utc(since) or _BEGINNING, _utc(until) or db.now(conn)
        count = webhooks.count_failed(conn, since=begin, until=end, provider=provider)
    typer.echo(f"{count} failed events from {begin:%Y-%m-%d %H:%M:%S} to {end:%Y-%m-%d %H:%M:%S}.")
    if dry_run or not count:
        return
    if not yes:
        typer.confirm("Let them be processed again?", abort=True)
    replayed, last = 0, webhooks.REPLAYED_MAX
    while last == webhooks.REPLAYED_MAX:
        with house.pool.transaction() as conn:
            last = webhooks.replay_failed(conn, since=begin, until=end, provider=provider)
        replayed += last
    typer.echo(f"{replayed} events will be processed again.")


@contextmanager
def _house() -> Iterator[House]:
    """Give the house; say a refusal in its sentence and exit 1."""
    house = House.from_settings(settings_or_exit(of_running_house=True))
    try:
        yield house
    except (WebhookError, IdMalformed, DatabaseUnavailable) as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None
    finally:
        house.close()


def _print(found: Sequence[Kept], *, as_json: bool, none: str) -> None:
    """Print two lines an event, or three where something went wrong; none is cut."""
    if as_json:
        typer.echo(json.dumps([_as_json(event) for event in found], indent=2))
        return
    for event in found:
        typer.echo(f"{ids.show(_PREFIX, event.id)}  {event.state}  {event.kind}")
        typer.echo(
            f"  {event.provider} {event.external_id}, {event.way}"
            f" {event.received_at:%Y-%m-%d %H:%M:%S} UTC, attempts: {event.attempts}"
        )
        if event.error:
            typer.echo(f"  {event.error}")
    if not found:
        typer.echo(none)


def _as_json(event: Kept) -> dict[str, object]:
    return {
        "id": ids.show(_PREFIX, event.id),
        "provider": event.provider,
        "external_id": event.external_id,
        "kind": event.kind,
        "state": event.state.value,
        "source": event.way.value,
        "attempts": event.attempts,
        "error": event.error,
        "occurred_at": event.occurred_at.isoformat(),
        "received_at": event.received_at.isoformat(),
        "processed_at": event.processed_at.isoformat() if event.processed_at else None,
    }


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
