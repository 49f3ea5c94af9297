"""Who signs in: one row a person. It holds no money and no role in the books."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from tallystick import ids

__all__ = ["People", "Person"]

_HANDLE = RegexValidator(
    r"\A[a-z][a-z0-9_]{2,29}\Z",
    "A handle has 3 to 30 small letters, digits and underscores, and begins with a letter.",
)


class People(BaseUserManager["Person"]):
    """Makes and finds people; addresses are kept in small letters."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> Person:
        """Create a person and return it; raise ValueError without an e-mail address."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        person = self.model(email=email.lower(), **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> Person:
        """Return the person of an e-mail address, whatever its letters' case."""
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):
    """A human being who signs in with an e-mail address."""

    id = models.UUIDField(
        primary_key=True, default=ids.new, editable=False, db_comment="Identity, UUID version 7"
    )
    email = models.EmailField(
        "e-mail address",
        max_length=254,
        unique=True,
        db_comment="Where we write to them, and their login; small letters",
    )
    handle = models.CharField(
        max_length=30,
        unique=True,
        null=True,  # no handle is no value: two people without one must not clash
        blank=True,
        validators=[_HANDLE],
        db_comment="Short public name by which others can pay them, if they took one",
    )
    name = models.CharField(
        max_length=100, blank=True, default="", db_comment="What we call them; may be empty"
    )
    is_active = models.BooleanField(default=True, db_comment="Whether they may sign in")
    is_operator = models.BooleanField(
        default=False, db_comment="Whether they may see and mend what concerns everyone"
    )
    created_at = models.DateTimeField(
        default=timezone.now, editable=False, db_comment="When they signed up"
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = People()

    class Meta:
        """Constraints that stand behind the forms."""

        db_table_comment = "People who sign in"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(Lower("email"), name="one_person_an_email_address"),
            models.UniqueConstraint(Lower("handle"), name="one_person_a_handle"),
        ]

    def __str__(self) -> str:
        """Return what we call them: their name, else their address."""
        return self.name or self.email

    @property
    def owner(self) -> str:
        """Return the person as the heart names an owner."""
        return f"person:{self.pk}"
