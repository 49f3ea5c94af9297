"""Why the ledger refuses.

LedgerError
├── AccountNotFound     an account of the deed does not exist
├── AccountFrozen       an account of the deed is frozen
├── InsufficientFunds   a balance would fall below its floor
├── CeilingExceeded     a balance would rise above its ceiling
└── MoveInvalid         the deed makes no sense: nothing to move, one account twice, two currencies
"""

from __future__ import annotations

from uuid import UUID

from tallystick.errors import TallystickError

__all__ = [
    "AccountFrozen",
    "AccountNotFound",
    "CeilingExceeded",
    "InsufficientFunds",
    "LedgerError",
    "MoveInvalid",
]


class LedgerError(TallystickError):
    """The ledger refused a deed; nothing was written."""

    code = "ledger_error"

    def __init__(self, message: str, *, account_id: UUID | None = None) -> None:
        """Keep the account concerned, where there is one."""
        super().__init__(message)
        self.account_id = account_id


class AccountNotFound(LedgerError):
    """An account of the deed does not exist."""

    code = "account_not_found"


class AccountFrozen(LedgerError):
    """An account of the deed is frozen: no transfer may touch it."""

    code = "account_frozen"


class InsufficientFunds(LedgerError):
    """A balance would fall below its floor."""

    code = "insufficient_funds"


class CeilingExceeded(LedgerError):
    """A balance would rise above its ceiling."""

    code = "ceiling_exceeded"


class MoveInvalid(LedgerError):
    """The deed moves nothing, moves between one account, or mixes currencies."""

    code = "move_invalid"
