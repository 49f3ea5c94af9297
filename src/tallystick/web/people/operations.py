"""The verbs that change a person from outside the pages."""

from __future__ import annotations

from django.db import transaction

from tallystick.web.people.errors import PersonNotFound
from tallystick.web.people.models import Person

__all__ = ["promote"]


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
