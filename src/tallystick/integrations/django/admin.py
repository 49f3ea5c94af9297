"""The books in Django's admin: to look at. Nothing can be added, changed or deleted.

Amounts are shown in major units. Counting stops at 10,000 rows, and search is for the whole
of a name, so that a ledger of millions opens at once.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.http import HttpRequest

from tallystick.integrations.django.models import Account, Posting, Transfer, Wallet
from tallystick.money import Currency, Money

__all__ = ["AccountAdmin", "PostingAdmin", "TransferAdmin", "WalletAdmin"]

_COUNTED_MAX: Final = 10_000

# Django's classes take their parameter in the stubs alone.
if TYPE_CHECKING:
    Pages = Paginator[Any]
    Table = admin.ModelAdmin[Any]
else:
    Pages, Table = Paginator, admin.ModelAdmin


class BoundedPaginator(Pages):
    """Pages of rows that are counted up to a bound."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, 10,000 at most."""
        rows: Any = self.object_list
        return int(rows.order_by()[:_COUNTED_MAX].count())


class ReadOnlyAdmin(Table):
    """A table to look at, for staff with the permission to view it."""

    actions = None
    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50
    ordering = ("-id",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False: rows come from deeds."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: the books do not change."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False: nothing is taken out of the books."""
        del request, obj
        return False


def _shown(minor: int | None, code: str) -> str:
    return "" if minor is None else str(Money(minor, Currency(code)))


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Accounts with their balances."""

    list_display = ("path", "currency", "balance_shown", "version", "last_entry_at", "frozen")
    list_filter = ("frozen",)
    search_fields = ("path__exact",)

    @admin.display(description="balance")
    def balance_shown(self, account: Account) -> str:
        """Return the balance in major units, as `KES 15.00`."""
        return _shown(account.balance, account.currency)


@admin.register(Posting)
class PostingAdmin(ReadOnlyAdmin):
    """Postings: what was done, and by whom."""

    list_display = ("id", "kind", "actor", "request_id", "created_at")
    search_fields = ("id__exact",)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    """Transfers with both accounts."""

    list_display = ("id", "kind", "debit", "credit", "amount_shown", "created_at")
    list_select_related = ("debit", "credit")
    search_fields = ("id__exact",)

    @admin.display(description="amount")
    def amount_shown(self, transfer: Transfer) -> str:
        """Return the amount in major units, as `KES 15.00`."""
        return _shown(transfer.amount, transfer.debit.currency)


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    """Wallets with what may be spent and what is set aside."""

    list_display = ("owner", "available_shown", "held_shown", "created_at")
    list_select_related = ("available", "held")
    search_fields = ("owner__exact",)

    @admin.display(description="available")
    def available_shown(self, wallet: Wallet) -> str:
        """Return what may be spent, in major units."""
        return _shown(wallet.available.balance, wallet.currency)

    @admin.display(description="held")
    def held_shown(self, wallet: Wallet) -> str:
        """Return what is set aside, in major units."""
        return _shown(wallet.held.balance, wallet.currency)
