"""The verbs that change a person from outside the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import Q

from tallystick.web.people.errors import NamesTaken, PersonNotFound
from tallystick.web.people.models import Person

__all__ = ["Newcomer", "enrol", "promote"]


class Newcomer(Protocol):
    """A person to be, whose e-mail address counts as verified."""

    @property
    def id(self) -> UUID:
        """Return the person's identity."""
        ...

    @property
    def email(self) -> str:
        """Return their address, in small letters."""
        ...

    @property
    def name(self) -> str:
        """Return what we call them."""
        ...

    @property
    def handle(self) -> str:
        """Return the name by which others can pay them."""
        ...

    @property
    def is_operator(self) -> bool:
        """Return whether they may see and mend what concerns everyone."""
        ...


def enrol(newcomers: Sequence[Newcomer], *, password: str) -> None:
    """Make people who can sign in at once with one password; no letter goes to anybody.

    They get no wallet here. Raises NamesTaken, and Django's ValidationError for a password that
    one of them could not have chosen.
    """
    people = [
        Person(
            id=one.id,
            email=one.email,
            name=one.name,
            handle=one.handle,
            is_operator=one.is_operator,
        )
        for one in newcomers
    ]
    # Who knows one of them knows all: a salt each would only take time.
    hashed = make_password(password)
    for person in people:
        validate_password(password, person)
        person.password = hashed
    with transaction.atomic():
        _refuse_taken(people)
        Person.objects.bulk_create(people)
        EmailAddress.objects.bulk_create(
            EmailAddress(user=person, email=person.email, verified=True, primary=True)
            for person in people
        )


def promote(*, email: str) -> bool:
    """Make a person an operator and return whether that is news.

    Raises PersonNotFound. Locks the person's row.
    """
    with transaction.atomic():
        person = Person.objects.select_for_update().filter(email__iexact=email.strip()).first()
        if person is None:
            raise PersonNotFound(f"Nobody signs in as {email}: they have to sign up first.")
        if person.is_operator:
            return False
        person.is_operator = True
        person.save(update_fields=["is_operator"])
        return True


def _refuse_taken(people: Sequence[Person]) -> None:
    """Raise NamesTaken where somebody has one of their addresses or handles."""
    emails = {person.email for person in people}
    handles = {person.handle for person in people if person.handle}
    wanted = Q(email__in=emails) | Q(handle__in=handles)
    found = Person.objects.filter(wanted).values_list("email", "handle")
    taken = {name for pair in found for name in pair if name and name in emails | handles}
    taken |= set(EmailAddress.objects.filter(email__in=emails).values_list("email", flat=True))
    if taken:
        raise NamesTaken(sorted(taken))
