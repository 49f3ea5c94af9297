"""The ledger: accounts, immutable transfers, and the one executor that writes them.

It decides only under the lock, inside the caller's READ COMMITTED transaction, and never
commits. Names of accounts come from the chart; the ledger knows no wallet and no payment.
"""

from __future__ import annotations

from tallystick.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    AccountNotFrozen,
    AlreadyReversed,
    BalanceConditionFailed,
    CeilingExceeded,
    InsufficientFunds,
    LedgerError,
    MoveInvalid,
    ReversalNotReversible,
    TransferNotFound,
    VersionConflict,
)
from tallystick.ledger.handlers import PARTITIONS, make_partitions
from tallystick.ledger.model import (
    Account,
    AccountPlan,
    Breach,
    Condition,
    Deed,
    Entry,
    Move,
    Note,
    Outcome,
    Part,
    Posted,
    Refused,
    Transfer,
)
from tallystick.ledger.operations import (
    erase_notes,
    execute,
    freeze,
    open_accounts,
    post,
    reversal,
    reverse,
    unfreeze,
    write_note,
)
from tallystick.ledger.queries import Months, account, entries, months, notes, transfers, verify

__all__ = [
    "PARTITIONS",
    "Account",
    "AccountFrozen",
    "AccountNotFound",
    "AccountNotFrozen",
    "AccountPlan",
    "AlreadyReversed",
    "BalanceConditionFailed",
    "Breach",
    "CeilingExceeded",
    "Condition",
    "Deed",
    "Entry",
    "InsufficientFunds",
    "LedgerError",
    "Months",
    "Move",
    "MoveInvalid",
    "Note",
    "Outcome",
    "Part",
    "Posted",
    "Refused",
    "ReversalNotReversible",
    "Transfer",
    "TransferNotFound",
    "VersionConflict",
    "account",
    "entries",
    "erase_notes",
    "execute",
    "freeze",
    "make_partitions",
    "months",
    "notes",
    "open_accounts",
    "post",
    "reversal",
    "reverse",
    "transfers",
    "unfreeze",
    "verify",
    "write_note",
]
