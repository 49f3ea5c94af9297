"""What operators read instead of ids: people by their names, accounts by what they hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from tallystick.web.pages.words import provider_name
from tallystick.web.people.models import Person

__all__ = ["account_title", "names_of", "possessive"]

_PERSON: Final = "person:"


def names_of(owners: Iterable[str | None]) -> dict[str, str]:
    """Return the full name of each owner; who is no person keeps the name that it came with."""
    wanted = {owner for owner in owners if owner is not None}
    keys = [owner.removeprefix(_PERSON) for owner in wanted if owner.startswith(_PERSON)]
    people = Person.objects.filter(pk__in=[key for key in keys if _is_uuid(key)])
    return {owner: owner for owner in wanted} | {person.owner: str(person) for person in people}


def possessive(name: str) -> str:
    """Return a name as an owner's: Amina’s, James’."""
    return f"{name}’" if name.endswith(("s", "S")) else f"{name}’s"


def account_title(path: str, *, whose: str) -> str:
    """Return what an account of the chart holds; `whose` is the owner of the wallet at hand."""
    room, _, rest = path.partition("/")
    if room == "wallet":
        return {
            "available": f"{possessive(whose)} wallet",
            "held": f"{possessive(whose)} wallet, set aside",
            "receivable": f"Owed by {whose}",
        }.get(rest.rpartition("/")[2], path)
    titles = {
        "clearing": f"{provider_name(rest)}, for us",
        "suspense": f"Kept aside, from {provider_name(rest)}",
        "loss": f"Our loss: {rest}",
    }
    return titles.get(room, path)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
