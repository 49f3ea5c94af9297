"""The books as Django's models, for reading: unmanaged, and every write is refused.

Django makes no table for them and no migration. What they show decides nothing: it may be old
when it arrives.
"""

from __future__ import annotations

from typing import Any, ClassVar, Never

from django.db import models
from django.db.models import Manager as Rows

from tallystick.integrations.django.errors import BooksReadOnly

__all__ = ["Account", "Posting", "Transfer", "Wallet"]


def _refuse(*_: Any, **__: Any) -> Never:
    raise BooksReadOnly("The books are read-only here: move money with tallystick.ledger.")


class ReadOnlyRows(models.QuerySet[Any]):
    """Rows that can be read and not written."""

    create = bulk_create = bulk_update = update = delete = _refuse
    get_or_create = update_or_create = _raw_delete = _update = _insert = _refuse


class Book(models.Model):
    """A table of the heart's: it cannot be saved or deleted from here."""

    objects: ClassVar[Any] = Rows.from_queryset(ReadOnlyRows)()

    save = save_base = delete = _refuse

    class Meta:
        """No table of Django's, and one permission: to look."""

        abstract = True
        managed = False
        default_permissions = ("view",)


class Account(Book):
    """A ledger place: one currency, bounds, a balance in minor units."""

    id = models.UUIDField(primary_key=True)
    path = models.TextField()
    currency = models.TextField()
    floor = models.BigIntegerField(null=True)
    ceiling = models.BigIntegerField(null=True)
    balance = models.BigIntegerField()
    version = models.BigIntegerField()
    last_entry_at = models.DateTimeField(null=True)
    frozen = models.BooleanField()

    class Meta(Book.Meta):
        """Where its rows stand."""

        abstract = False
        db_table = '"tallystick"."account"'

    def __str__(self) -> str:
        """Return its name in the chart, with its currency."""
        return f"{self.path} {self.currency}"


class Posting(Book):
    """One or more transfers that succeeded together."""

    id = models.UUIDField(primary_key=True)
    kind = models.TextField()
    actor = models.TextField()
    request_id = models.TextField()
    created_at = models.DateTimeField()

    class Meta(Book.Meta):
        """Where its rows stand."""

        abstract = False
        db_table = '"tallystick"."posting"'

    def __str__(self) -> str:
        """Return what was done, and its id."""
        return f"{self.kind} {self.id}"


class Transfer(Book):
    """One immutable movement between two accounts."""

    id = models.UUIDField(primary_key=True)
    posting = models.ForeignKey(Posting, models.DO_NOTHING, related_name="transfers")
    debit = models.ForeignKey(Account, models.DO_NOTHING, related_name="debits")
    credit = models.ForeignKey(Account, models.DO_NOTHING, related_name="credits")
    amount = models.BigIntegerField()
    kind = models.TextField()
    debit_balance = models.BigIntegerField()
    credit_balance = models.BigIntegerField()
    debit_version = models.BigIntegerField()
    credit_version = models.BigIntegerField()
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta(Book.Meta):
        """Where its rows stand."""

        abstract = False
        db_table = '"tallystick"."transfer"'

    def __str__(self) -> str:
        """Return what it is, and its id."""
        return f"{self.kind} {self.id}"


class Wallet(Book):
    """An owner's accounts in one currency."""

    id = models.UUIDField(primary_key=True)
    owner = models.TextField()
    currency = models.TextField()
    available = models.ForeignKey(Account, models.DO_NOTHING, related_name="+")
    held = models.ForeignKey(Account, models.DO_NOTHING, related_name="+")
    created_at = models.DateTimeField()

    class Meta(Book.Meta):
        """Where its rows stand."""

        abstract = False
        db_table = '"tallystick"."wallet"'

    def __str__(self) -> str:
        """Return its owner and currency."""
        return f"{self.owner} {self.currency}"
