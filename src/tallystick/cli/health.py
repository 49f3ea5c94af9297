"""`tallystick health`: ask the running server whether it is ready. It starts nothing."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Annotated, Any, Final

import typer

from tallystick.cli.startup import settings_or_exit
from tallystick.settings import Settings

__all__ = ["register"]

_Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for programs.")]
_Url = Annotated[str | None, typer.Option("--url", help="The server's address.")]
_TIMEOUT_S: Final = 5
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on


#: Why is logged, not told to whoever asks.
_FAILED: Final = "failed: the server's log says why (health_check_failed)"


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("health")(_health)


def _health(*, url: _Url = None, as_json: _Json = False) -> None:
    """Show what the server says of itself; exit 1 where it cannot serve requests."""
    address = url or _address(settings_or_exit(of_running_house=True))
    report = _ask(address)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        typer.echo(f"{address}: {report['status']}")
        for check in report["checks"]:
            typer.echo(f"  {check['name']:<20} {'ok' if check['ok'] else _FAILED}")
        for name in report["waived"]:
            typer.echo(f"  waived: {name}")
    if report["status"] == "down":
        raise typer.Exit(1)


def _address(settings: Settings) -> str:
    host = _ANYWHERE.get(settings.bind_host, settings.bind_host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _ask(address: str) -> dict[str, Any]:
    """Return status and checks; down where nobody answers or the server says so."""
    if not address.startswith(("http://", "https://")):
        raise typer.BadParameter("Write the address with http:// or https://.")
    try:
        with urllib.request.urlopen(f"{address}/api/health/ready", timeout=_TIMEOUT_S) as reply:  # noqa: S310 - looked at above
            found: dict[str, Any] = json.load(reply)
    except urllib.error.HTTPError as refusal:
        return _down(refusal)
    except (OSError, HTTPException, ValueError):
        return {"status": "down", "checks": [{"name": "server", "ok": False}], "waived": []}
    return found


def _down(refusal: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        failed = [error["field"] for error in json.load(refusal)["errors"]]
    except (ValueError, KeyError, TypeError):
        failed = ["server"]
    return {
        "status": "down",
        "checks": [{"name": name, "ok": False} for name in failed],
        "waived": [],
    }
