"""People: who signs in, with which password, and what we write to them.

Sign-in, sessions and tokens are Django's and allauth's; this room sets their rules. It knows
nothing of money but that a new person gets a wallet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tallystick.web.people.errors import NamesTaken, PersonNotFound

if TYPE_CHECKING:
    from tallystick.web.people.operations import Newcomer

__all__ = ["NamesTaken", "PersonNotFound", "enrol", "owner_of", "promote"]


def enrol(newcomers: Sequence[Newcomer], *, password: str) -> None:
    """Make people who can sign in at once; raise NamesTaken. Django must be set up."""
    from tallystick.web.people import operations  # noqa: PLC0415 - models need Django's apps

    operations.enrol(newcomers, password=password)


def owner_of(*, email: str) -> str:
    """Return the person with this e-mail address as the heart names an owner.

    Raises PersonNotFound. Django must be set up, as for `promote`.
    """
    from tallystick.web.people.models import Person  # noqa: PLC0415 - models need Django's apps

    try:
        return Person.objects.get_by_natural_key(email.strip()).owner
    except Person.DoesNotExist:
        raise PersonNotFound(f"Nobody signs in as {email}: they have to sign up first.") from None


def promote(*, email: str) -> bool:
    """Make a person an operator and return whether that is news; raise PersonNotFound.

    Django must be set up: it reads this package before it has any model.
    """
    from tallystick.web.people import operations  # noqa: PLC0415 - models need Django's apps

    return operations.promote(email=email)
