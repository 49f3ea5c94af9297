"""The ledger: accounts, immutable transfers, and the one executor that writes them.

It decides only under the lock, inside the caller's READ COMMITTED transaction, and never
commits. Names of accounts come from the chart; the ledger knows no wallet and no payment.
"""

from __future__ import annotations

from tallystick.ledger.errors import (
    AccountFrozen,
    AccountNotFound,
    CeilingExceeded,
    InsufficientFunds,
    LedgerError,
    MoveInvalid,
)
from tallystick.ledger.model import (
    Account,
    AccountPlan,
    Deed,
    Entry,
    Move,
    Part,
    Posted,
    Transfer,
)
from tallystick.ledger.operations import execute, open_accounts
from tallystick.ledger.queries import Breach, account, entries, verify

__all__ = [
    "Account",
    "AccountFrozen",
    "AccountNotFound",
    "AccountPlan",
    "Breach",
    "CeilingExceeded",
    "Deed",
    "Entry",
    "InsufficientFunds",
    "LedgerError",
    "Move",
    "MoveInvalid",
    "Part",
    "Posted",
    "Transfer",
    "account",
    "entries",
    "execute",
    "open_accounts",
    "verify",
]
