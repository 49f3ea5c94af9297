"""`tallystick people`: make a person an operator.

It signs nobody in and changes no password.
"""

from __future__ import annotations

import typer

from tallystick.cli.startup import settings_or_exit
from tallystick.web import load_django

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    people = typer.Typer(help="People who sign in.", no_args_is_help=True)
    people.callback()(_people)
    people.command("promote")(_promote)
    app.add_typer(people, name="people")


def _people() -> None:
    """People who sign in."""


def _promote(email: str = typer.Argument(help="The person's e-mail address.")) -> None:
    """Make a person an operator, who may see and mend what concerns everyone."""
    settings = settings_or_exit(of_running_house=True)
    house = f"The house: {settings.public_url}"
    load_django()
    from django.db import OperationalError  # noqa: PLC0415 - after setup

    from tallystick.web.people import PersonNotFound, promote  # noqa: PLC0415 - the same

    try:
        is_news = promote(email=email)
    except PersonNotFound as refusal:
        typer.echo(f"{refusal}\n{house}", err=True)
        raise typer.Exit(1) from None
    except OperationalError:
        typer.echo(f"The database does not answer; nothing was done.\n{house}", err=True)
        raise typer.Exit(1) from None
    told = "is an operator now" if is_news else "is an operator already"
    typer.echo(f"{email} {told}.\n{house}")
