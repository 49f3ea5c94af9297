"""Reads of the ledger. What they return decides nothing: it may be old when it arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from uuid import UUID

from tallystick.db import Connection, arrays
from tallystick.ledger import store
from tallystick.ledger.errors import AccountNotFound, TransferNotFound
from tallystick.ledger.model import Account, Breach, Entry, Note, Transfer
from tallystick.money import Currency, Money

__all__ = [
    "Months",
    "account",
    "entries",
    "months",
    "notes",
    "paths",
    "transfers",
    "verify",
]

_VERSION_MAX: Final = 2**63 - 1
_LEAST_ID: Final = UUID(int=0)
_GREATEST_ID: Final = UUID(int=2**128 - 1)
#: Entries that are verified by one statement, about: a range reads most pages of the table, so
#: few are fast; it is sorted in memory, so it has an end.
_RANGE: Final = 500_000
_MEMORY: Final = "128MB"


@dataclass(frozen=True, slots=True)
class Months:
    """How the months of the transfer table are."""

    #: Transfers fell into the default partition, because their month had none.
    has_strays: bool
    is_next_month_made: bool


def account(conn: Connection, *, account_id: UUID) -> Account:
    """Return an account; raise AccountNotFound."""
    found = store.read_account(conn, account_id)
    if found is None:
        raise AccountNotFound("No such account.", account_id=account_id)
    return found


def entries(
    conn: Connection, *, account: Account, limit: int, before_version: int | None = None
) -> list[Entry]:
    """Return the newest entries of an account, newest first, below `before_version` if given."""
    currency = Currency(account.currency)
    found = store.rows(
        conn,
        "entries",
        account_id=account.id,
        before_version=_VERSION_MAX if before_version is None else before_version,
        most=limit,
    )
    return [
        Entry(account.id, version, Money(amount, currency), Money(balance, currency), *rest)
        for version, amount, balance, *rest in found
    ]


def transfers(conn: Connection, *, posting_id: UUID) -> list[Transfer]:
    """Return the transfers of a posting in their order; raise TransferNotFound for no posting."""
    found = store.read_transfers(conn, transfer_id=None, posting_id=posting_id)
    if not found:
        raise TransferNotFound("There is no such posting.")
    return [transfer for transfer, _ in found]


def paths(conn: Connection, *, account_ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return what the accounts are called in the chart; who does not exist is left out."""
    return dict(store.rows(conn, "paths", ids=arrays.uuids(account_ids)))


def notes(
    conn: Connection, *, posting_id: UUID | None = None, account_id: UUID | None = None
) -> list[Note]:
    """Return the free text about a posting or an account, oldest first; erased ones are empty."""
    found = store.rows(conn, "notes", posting_id=posting_id, account_id=account_id)
    return [Note(*row) for row in found]


def months(conn: Connection) -> Months:
    """Return whether the transfers' months have the partitions that they need."""
    [row] = store.rows(conn, "partitions")
    return Months(*row)


def verify(
    conn: Connection, *, on_progress: Callable[[int, int], None] | None = None
) -> list[Breach]:
    """Return every breach of the books: none in a ledger that works.

    Balances of a currency sum to zero; each account's versions are gapless, each of its balances
    is the one before plus the entry's amount, the last is the account's own, within its bounds;
    what an account owes is what its receivable says; and no transfer fell outside the months.
    Accounts are read in ranges, one statement each, so every finding is of one moment; in a
    `db.snapshot` all are of the same. `on_progress` is told the entries that are done and those
    there are.
    """
    store.rows(conn, "take_memory", memory=_MEMORY)
    breaches = [
        Breach("sum_is_zero", currency, difference)
        for currency, difference in store.rows(conn, "currencies_off_balance")
    ]
    borders = store.rows(conn, "ranges_to_verify", size=_RANGE)
    total = borders[-1][1] if borders else 0
    lasts = [last for last, _ in borders[:-1]]
    for number, (after, last) in enumerate(pairwise([_LEAST_ID, *lasts, _GREATEST_ID])):
        for row in store.rows(conn, "accounts_off_entries", after=after, last=last):
            breaches += _breaches(*row)
        if on_progress is not None and borders:
            on_progress(borders[number][1], total)
    breaches += [
        Breach("receivable_equals_owed", where, difference)
        for where, difference in store.rows(conn, "accounts_off_receivables")
    ]
    [(strays,)] = store.rows(conn, "transfers_outside_months")
    return [*breaches, *([Breach("months_have_partitions", "transfer", strays)] if strays else [])]


def _breaches(
    where: str,
    is_missing: bool,  # noqa: FBT001 - a column of a row
    balance_off: int,
    version_off: int,
    out_of_place: int,
    out_of_sum: int,
    above_floor: int,
    below_ceiling: int,
) -> Iterator[Breach]:
    """Yield what is wrong with one account, by invariant."""
    if is_missing:
        yield Breach("accounts_exist", where, -version_off)
        return
    if balance_off:
        yield Breach("balance_equals_entries", where, balance_off)
    if out_of_sum:
        yield Breach("entries_add_up", where, out_of_sum)
    if version_off or out_of_place:
        yield Breach("versions_are_gapless", where, version_off or out_of_place)
    if above_floor < 0:
        yield Breach("floor_holds", where, above_floor)
    if below_ceiling < 0:
        yield Breach("ceiling_holds", where, below_ceiling)
