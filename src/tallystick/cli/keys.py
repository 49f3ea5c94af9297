"""`tallystick keys`: issue API keys for programs, list them, revoke them.

A key's text goes to standard output alone, once, and all words about it to standard error, so
that a script can take it. Nothing here can show it again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated

import typer

from tallystick import db, ids, keys
from tallystick.bootstrap import House
from tallystick.cli.startup import settings_or_exit
from tallystick.db import DatabaseUnavailable
from tallystick.ids import IdMalformed
from tallystick.keys import ApiKeyError, Issued, Key, Scope
from tallystick.web import load_django

__all__ = ["register"]

_Name = Annotated[str, typer.Argument(help="What the key is for, as it shows in the list.")]
_Scopes = Annotated[
    list[Scope], typer.Option("--scope", help="What the key may do. Give it once for each.")
]
_Owner = Annotated[str | None, typer.Option("--owner", help="The one owner it acts for.")]
_Person = Annotated[
    str | None, typer.Option("--person", help="The same, by the e-mail address they sign in with.")
]
_Every = Annotated[bool, typer.Option("--every-owner", help="It may act for every owner.")]
_Days = Annotated[
    int | None,
    typer.Option("--days", min=1, max=3_650, help="It ends after so many days; else never."),
]
_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
_KeyId = Annotated[str, typer.Argument(help="The key's id, as key_…: `tallystick keys list`.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    group = typer.Typer(help="API keys, which programs show instead of signing in.")
    group.callback(no_args_is_help=True)(_keys)
    group.command("create")(_create)
    group.command("list")(_list)
    group.command("revoke")(_revoke)
    app.add_typer(group, name="keys")


def _keys() -> None:
    """API keys, which programs show instead of signing in."""


def _create(
    name: _Name,
    *,
    scope: _Scopes,
    owner: _Owner = None,
    person: _Person = None,
    every_owner: _Every = False,
    days: _Days = None,
    as_json: _Json = False,
) -> None:
    """Issue a key and print it, this once: only a hash of it is kept.

    Say whom it acts for with --owner, --person or --every-owner.
    """
    if [owner is not None, person is not None, every_owner].count(True) != 1:
        raise typer.BadParameter("Give one of --owner, --person and --every-owner.")
    with _house() as house:
        reach = owner if person is None else _owner_of(person)
        with house.pool.transaction() as conn:
            now = db.now(conn)
            issued = keys.issue(
                conn,
                name=name,
                scopes=scope,
                owner=reach,
                environment=house.key_environment,
                randomness=secrets.token_bytes(keys.RANDOM_BYTES),
                expires_at=now + timedelta(days=days) if days else None,
                now=now,
            )
    _print_issued(issued, as_json=as_json)


def _list(*, owner: _Owner = None, as_json: _Json = False) -> None:
    """List the newest keys, at most 100, with their last use; secrets are not kept."""
    with _house() as house, house.pool.transaction() as conn:
        found = keys.recent(conn, owner=owner)
        now = db.now(conn)
    if as_json:
        typer.echo(json.dumps([_as_json(key) for key in found], indent=2))
    else:
        _print_list(found, now)


def _revoke(key_id: _KeyId) -> None:
    """Revoke a key for good: from now on it opens nothing."""
    with _house() as house, house.pool.transaction() as conn:
        key = keys.revoke(conn, key_id=ids.read("key", key_id), now=db.now(conn))
    typer.echo(f"{key_id} ({key.name}) is revoked.")


@contextmanager
def _house() -> Iterator[House]:
    """Give the house; say a refusal in its sentence and exit 1."""
    house = House.from_settings(settings_or_exit(of_running_house=True))
    try:
        yield house
    except (ApiKeyError, IdMalformed, DatabaseUnavailable) as refusal:
        typer.echo(str(refusal), err=True)
        raise typer.Exit(1) from None
    finally:
        house.close()


def _owner_of(email: str) -> str:
    load_django()
    from django.db import OperationalError  # noqa: PLC0415 - after setup

    from tallystick.web import people  # noqa: PLC0415 - the same

    try:
        return people.owner_of(email=email)
    except people.PersonNotFound as refusal:
        typer.echo(str(refusal), err=True)
    except OperationalError:
        typer.echo("The database does not answer; nothing was done.", err=True)
    raise typer.Exit(1)


def _print_issued(issued: Issued, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**_as_json(issued.key), "key": issued.text}, indent=2))
        return
    typer.echo(issued.text)
    shown = ids.show("key", issued.key.id)
    typer.echo(
        f"{shown} acts for {_reach(issued.key)}. Keep the line above: it is never shown again.",
        err=True,
    )


def _print_list(found: list[Key], now: datetime) -> None:
    """Print three lines a key; no line is cut, because ids are there to be copied."""
    for key in found:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M} UTC" if key.last_used_at else "never"
        typer.echo(f"{ids.show('key', key.id)}  {key.name}")
        typer.echo(f"  {key.prefix}_…  {' '.join(sorted(key.scopes))}")
        typer.echo(f"  acts for {_reach(key)}; last used: {used}; {_state(key, now)}")
    if not found:
        typer.echo("There is no key. `tallystick keys create` issues one.")


def _reach(key: Key) -> str:
    return key.owner or "every owner"


def _state(key: Key, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "valid"
    return f"{'expired' if key.expires_at <= now else 'valid until'} {key.expires_at:%Y-%m-%d}"


def _as_json(key: Key) -> dict[str, object]:
    times = {
        name: moment.isoformat() if moment else None
        for name, moment in (
            ("created_at", key.created_at),
            ("expires_at", key.expires_at),
            ("revoked_at", key.revoked_at),
            ("last_used_at", key.last_used_at),
        )
    }
    return {
        "id": ids.show("key", key.id),
        "name": key.name,
        "prefix": key.prefix,
        "environment": key.environment.value,
        "scopes": sorted(key.scopes),
        "owner": key.owner,
        **times,
    }
