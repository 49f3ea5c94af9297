"""The verbs that write the ledger, inside the caller's transaction. They never commit.

`execute` is the one path on which money moves; every other verb hands it a deed.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection, arrays
from tallystick.errors import TallystickError
from tallystick.ledger import replays, rules, store
from tallystick.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    AccountNotFrozen,
    TransferNotFound,
)
from tallystick.ledger.model import (
    Account,
    AccountPlan,
    Deed,
    Note,
    Original,
    Outcome,
    Part,
    Posted,
    Refused,
)

__all__ = [
    "erase_notes",
    "execute",
    "freeze",
    "open_accounts",
    "post",
    "reversal",
    "reverse",
    "unfreeze",
    "write_note",
]

#: UUIDs sort as their numbers do, and numbers sort faster.
_AS_NUMBER: Final = attrgetter("int")
#: How long a deed waits for another transaction that keeps its key.
KEY_WAIT_MS: Final = 2_000


def execute(
    conn: Connection, deeds: Sequence[Deed], *, key_wait_ms: int = KEY_WAIT_MS
) -> list[Outcome]:
    """Do the deeds in their order and return what became of each.

    Posted, or Refused with why, or Replayed where its key stands for an earlier deed. Claims the
    keys, locks the rows of all parts by rank and key, then all accounts by id; nothing is locked
    later. Decides under the locks: a refused deed leaves no trace but what its key keeps, and
    later ones see the effects of accepted ones alone. Then writes all at once. Raises
    TransactionRequired outside a READ COMMITTED transaction, and idempotency's InFlight where
    another transaction keeps one of the keys for longer than `key_wait_ms`.
    """
    mark = str(ids.new())
    now = store.begin(conn, mark=mark)
    has_keys = any(deed.once is not None for deed in deeds)
    known = _claim(conn, deeds, now=now, mark=mark, wait_ms=key_wait_ms) if has_keys else {}
    wanted = [deed for place, deed in enumerate(deeds) if place not in known]
    ground = _lock(conn, wanted, now=now, mark=mark)
    decided = [_decide(ground, deed) for deed in wanted]
    done = [outcome for outcome in decided if isinstance(outcome, Posted)]
    if done:
        store.write(conn, done)
        _write_parts(conn, ground, done)
    if not has_keys:
        return list(decided)
    return replays.keep(conn, deeds, known=known, decided=decided)


def post(conn: Connection, deed: Deed) -> Posted:
    """Do one deed that has no key, and return what it did.

    Raises what it was refused with, a LedgerError or what a part says, before any write; and
    TransactionRequired as `execute` does.
    """
    [outcome] = execute(conn, [deed])
    if isinstance(outcome, Refused):
        raise outcome.error
    assert isinstance(outcome, Posted), "only a key has a replay"
    return outcome


def reversal(
    conn: Connection,
    *,
    actor: str,
    request_id: str,
    occurred_at: datetime,
    transfer_id: UUID | None = None,
    posting_id: UUID | None = None,
    note: str = "",
) -> Deed:
    """Return the deed that undoes one transfer, or all of a posting; it writes nothing.

    Raises TransferNotFound. Whether they were undone before is decided when the deed is done.
    """
    found = store.read_transfers(conn, transfer_id=transfer_id, posting_id=posting_id)
    if not found:
        raise TransferNotFound("There is no such transfer.")
    currencies = {transfer.debit_id: currency for transfer, currency in found}
    moves = rules.reversal([transfer for transfer, _ in found], currencies)
    return Deed(ids.new(), "reversal", actor, request_id, occurred_at, moves, note=note)


def reverse(
    conn: Connection,
    *,
    actor: str,
    request_id: str,
    occurred_at: datetime,
    transfer_id: UUID | None = None,
    posting_id: UUID | None = None,
    note: str = "",
) -> Posted:
    """Undo one transfer, or all of a posting, once, and return what that did.

    Raises TransferNotFound, AlreadyReversed, ReversalNotReversible, and what any deed is refused
    with: the money may be gone.
    """
    deed = reversal(
        conn,
        actor=actor,
        request_id=request_id,
        occurred_at=occurred_at,
        transfer_id=transfer_id,
        posting_id=posting_id,
        note=note,
    )
    return post(conn, deed)


def freeze(conn: Connection, *, account_id: UUID, actor: str, reason: str) -> Note:
    """Let no transfer touch an account any more, and return the note that says why.

    Waits for deeds that have it locked. Raises AccountNotFound, and AccountFrozen where it is.
    """
    account, now = _locked(conn, account_id)
    if account.frozen:
        raise AccountFrozen("The account is frozen already.", account=account)
    store.run(conn, "set_frozen", id=account_id, frozen=True)
    return _noted(conn, "freeze", actor, reason, now, account_id=account_id)


def unfreeze(conn: Connection, *, account_id: UUID, actor: str, reason: str) -> Note:
    """Let transfers touch a frozen account again, and return the note that says why.

    Raises AccountNotFound, and AccountNotFrozen where there is nothing to undo.
    """
    account, now = _locked(conn, account_id)
    if not account.frozen:
        raise AccountNotFrozen("The account is not frozen.", account=account)
    store.run(conn, "set_frozen", id=account_id, frozen=False)
    return _noted(conn, "unfreeze", actor, reason, now, account_id=account_id)


def write_note(
    conn: Connection, *, posting_id: UUID, kind: str, actor: str, body: str, now: datetime
) -> Note:
    """Keep free text of at most 2,000 characters about a posting, and return it.

    Raises TransactionRequired before any write.
    """
    db.require_transaction(conn)
    return _noted(conn, kind, actor, body, now, posting_id=posting_id)


def erase_notes(conn: Connection, *, posting_id: UUID) -> int:
    """Blank all free text about a posting and return how many notes lost theirs.

    Raises TransactionRequired before any write.
    """
    db.require_transaction(conn)
    return len(store.rows(conn, "erase_notes", posting_id=posting_id))


def open_accounts(conn: Connection, plans: Sequence[AccountPlan]) -> list[UUID]:
    """Open the accounts that are missing and return the ids of all, in the plans' order.

    Two callers at once get the same accounts. Rows are inserted in order of path, so that two
    callers never wait for each other in a circle. Raises TransactionRequired before any write.
    """
    ordered = sorted(set(plans), key=lambda plan: (plan.path, plan.currency.code))
    columns = {
        "path": arrays.texts(plan.path for plan in ordered),
        "currency": arrays.texts(plan.currency.code for plan in ordered),
    }
    found = store.rows(conn, "find_accounts", **columns)
    if len(found) < len(ordered):
        db.require_transaction(conn)
        store.run(
            conn,
            "open_accounts",
            id=arrays.uuids(ids.new() for _ in ordered),
            floor=arrays.integers(plan.floor for plan in ordered),
            ceiling=arrays.integers(plan.ceiling for plan in ordered),
            **columns,
        )
        found = store.rows(conn, "find_accounts", **columns)
    by_name = {(path, currency): identity for path, currency, identity in found}
    return [by_name[plan.path, plan.currency.code] for plan in plans]


@dataclass(frozen=True)
class _Ground:
    """What a batch stands on: the locked rows, as the deeds accepted so far leave them."""

    now: datetime
    #: Rows of parts by rank and key.
    rows: dict[int, dict[UUID, Any]]
    accounts: dict[UUID, Account]
    #: Transfers that the batch wants undone.
    originals: dict[UUID, Original]

    def accept(self, posted: Posted, changed: Mapping[int, Mapping[UUID, Any]]) -> None:
        """Take in what an accepted deed leaves behind."""
        self.accounts.update(posted.accounts)
        for rank, rows in changed.items():
            self.rows[rank].update(rows)
        for identity in rules.undone(posted.deed):
            self.originals[identity] = replace(self.originals[identity], is_reversed=True)


def _claim(
    conn: Connection, deeds: Sequence[Deed], *, now: datetime, mark: str, wait_ms: int
) -> dict[int, replays.Known]:
    """Claim the deeds' keys; raise TransactionRequired before any write where none is open."""
    store.require_open(conn, mark=mark)
    return replays.claim(conn, deeds, now=now, wait_ms=wait_ms)


def _lock(conn: Connection, deeds: Sequence[Deed], *, now: datetime, mark: str) -> _Ground:
    """Lock all that the deeds decide upon, in the house's order."""
    rows = _lock_parts(conn, [part for deed in deeds for part in deed.parts])
    wanted = {account for deed in deeds for account in rules.touched(deed)}
    accounts = store.lock_accounts(conn, sorted(wanted, key=_AS_NUMBER), mark=mark)
    # A receivable is locked under the lock of the one account that it serves, so there is no
    # circle: whoever waits for it has what its holder has.
    beyond = rules.receivables(deeds, accounts.values())
    if beyond:
        accounts |= store.lock_accounts(conn, sorted(beyond, key=_AS_NUMBER), mark=mark)
    # No lock of their own: who undoes a transfer has both its accounts locked, or is refused.
    undone = {identity for deed in deeds for identity in rules.undone(deed)}
    originals = store.read_originals(conn, sorted(undone)) if undone else {}
    return _Ground(now, rows, accounts, originals)


def _lock_parts(conn: Connection, parts: Sequence[Part]) -> dict[int, dict[UUID, Any]]:
    """Lock the parts' rows, one statement a rank, ranks and keys in order."""
    locked = {}
    for rank, same in groupby(sorted(parts, key=lambda part: part.rank), lambda part: part.rank):
        group = list(same)
        keys = tuple(sorted({key for part in group for key in part.keys}))
        locked[rank] = dict(group[0].lock(conn, keys))
    return locked


def _write_parts(conn: Connection, ground: _Ground, done: Sequence[Posted]) -> None:
    """Let the parts of accepted deeds write, one call a rank."""
    parts = [(part, posted) for posted in done for part in posted.deed.parts]
    for rank, same in groupby(sorted(parts, key=_rank), _rank):
        group = list(same)
        group[0][0].write(conn, ground.rows[rank], group)


def _rank(written: tuple[Part, Posted]) -> int:
    return written[0].rank


def _decide(ground: _Ground, deed: Deed) -> replays.Own:
    """Decide one deed; the ground changes where it is accepted, and only there."""
    try:
        rules.check(deed)
        changed = _decide_parts(ground, deed)
        posted = rules.decide(
            ground.accounts, deed, now=ground.now, new_id=ids.new, originals=ground.originals
        )
    except TallystickError as error:
        return Refused(deed, error)
    ground.accept(posted, changed)
    return posted


def _decide_parts(ground: _Ground, deed: Deed) -> dict[int, dict[UUID, Any]]:
    """Return the rows that the deed's parts change; a part sees what those before it did."""
    changed: dict[int, dict[UUID, Any]] = {}
    for part in deed.parts:
        own = changed.setdefault(part.rank, {})
        own.update(part.decide(ChainMap(own, ground.rows[part.rank]), ground.now) or {})
    return changed


def _locked(conn: Connection, account_id: UUID) -> tuple[Account, datetime]:
    """Lock one account and return it with the time; raise AccountNotFound."""
    mark = str(ids.new())
    now = store.begin(conn, mark=mark)
    account = store.lock_accounts(conn, [account_id], mark=mark).get(account_id)
    if account is None:
        raise AccountNotFound("No such account.", account_id=account_id)
    return account, now


def _noted(
    conn: Connection,
    kind: str,
    actor: str,
    body: str,
    now: datetime,
    *,
    posting_id: UUID | None = None,
    account_id: UUID | None = None,
) -> Note:
    note = Note(ids.new(), posting_id, account_id, kind, actor, body, now)
    store.write_notes(conn, [note])
    return note
