"""The verbs that write the ledger, inside the caller's transaction. They never commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from tallystick import ids
from tallystick.db import Connection
from tallystick.ledger import rules, store
from tallystick.ledger.model import AccountPlan, Deed, Part, Posted

__all__ = ["execute", "open_accounts"]


def execute(conn: Connection, deeds: Sequence[Deed]) -> list[Posted]:
    """Do the deeds in their order and return what each did.

    Locks the rows of all parts by rank and key, then all accounts by id; nothing is locked later.
    Decides under the locks. Raises a LedgerError, or what a part refuses with, before any write:
    then nothing of any deed has happened. Raises TransactionRequired outside a READ COMMITTED
    transaction.
    """
    for deed in deeds:
        rules.check(deed)
    mark = str(ids.new())
    now = store.begin(conn, mark=mark)
    locked = _lock_parts(conn, [part for deed in deeds for part in deed.parts])
    wanted = sorted({account for deed in deeds for account in rules.touched(deed)})
    accounts = store.lock_accounts(conn, wanted, mark=mark)
    done = []
    for deed in deeds:
        for part in deed.parts:
            part.decide(locked[part.rank], now)
        posted = rules.decide(accounts, deed, now=now, new_id=ids.new)
        accounts |= posted.accounts
        done.append(posted)
    for posted in done:
        store.write(conn, posted)
        for part in posted.deed.parts:
            part.write(conn, posted)
    return done


def open_accounts(conn: Connection, plans: Sequence[AccountPlan]) -> list[UUID]:
    """Open the accounts that are missing and return the ids of all, in the plans' order.

    Two callers at once get the same accounts. Rows are inserted in order of path, so that two
    callers never wait for each other in a circle.
    """
    ordered = sorted(set(plans), key=lambda plan: (plan.path, plan.currency.code))
    columns: dict[str, list[object]] = {
        "path": [plan.path for plan in ordered],
        "currency": [plan.currency.code for plan in ordered],
    }
    found = store.rows(conn, "find_accounts", **columns)
    if len(found) < len(ordered):
        store.run(
            conn,
            "open_accounts",
            id=[ids.new() for _ in ordered],
            floor=[plan.floor for plan in ordered],
            **columns,
        )
        found = store.rows(conn, "find_accounts", **columns)
    by_name = {(path, currency): identity for path, currency, identity in found}
    return [by_name[plan.path, plan.currency.code] for plan in plans]


def _lock_parts(conn: Connection, parts: Sequence[Part]) -> dict[int, Mapping[UUID, Any]]:
    """Lock the parts' rows, one statement a rank, ranks and keys in order."""
    locked = {}
    for rank, same in groupby(sorted(parts, key=lambda part: part.rank), lambda part: part.rank):
        group = list(same)
        keys = tuple(sorted({key for part in group for key in part.keys}))
        locked[rank] = group[0].lock(conn, keys)
    return locked
