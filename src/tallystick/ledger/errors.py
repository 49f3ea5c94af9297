"""Why the ledger refuses.

LedgerError
├── AccountNotFound          an account of the deed does not exist
├── AccountFrozen            an account of the deed is frozen
├── AccountNotFrozen         an account was to be unfrozen that is not frozen
├── InsufficientFunds        a balance would fall below its floor
├── CeilingExceeded          a balance would rise above its ceiling
├── VersionConflict          an account has moved on since the caller looked
├── BalanceConditionFailed   an account holds less than the caller demands
├── MoveInvalid              the deed makes no sense: nothing to move, one account twice, …
├── TransferNotFound         there is no such transfer or posting
├── AlreadyReversed          the transfer was undone before
└── ReversalNotReversible    the transfer undoes another: it stays
"""

from __future__ import annotations

from uuid import UUID

from tallystick.errors import TallystickError
from tallystick.ledger.model import Account

__all__ = [
    "AccountFrozen",
    "AccountNotFound",
    "AccountNotFrozen",
    "AlreadyReversed",
    "BalanceConditionFailed",
    "CeilingExceeded",
    "InsufficientFunds",
    "LedgerError",
    "MoveInvalid",
    "ReversalNotReversible",
    "TransferNotFound",
    "VersionConflict",
]


class LedgerError(TallystickError):
    """The ledger refused a deed; nothing was written."""

    code = "ledger_error"

    def __init__(
        self, message: str, *, account_id: UUID | None = None, account: Account | None = None
    ) -> None:
        """Keep the account concerned; where it was seen under the lock, as it stood then.

        A door shows of it only what its caller may read.
        """
        super().__init__(message)
        self.account = account
        self.account_id = account.id if account else account_id


class AccountNotFound(LedgerError):
    """An account of the deed does not exist."""

    code = "account_not_found"


class AccountFrozen(LedgerError):
    """An account of the deed is frozen: no transfer may touch it."""

    code = "account_frozen"


class AccountNotFrozen(LedgerError):
    """The account is not frozen, so there is nothing to unfreeze."""

    code = "account_not_frozen"


class InsufficientFunds(LedgerError):
    """A balance would fall below its floor."""

    code = "insufficient_funds"


class CeilingExceeded(LedgerError):
    """A balance would rise above its ceiling."""

    code = "ceiling_exceeded"


class VersionConflict(LedgerError):
    """The account is not at the version that the deed asks for."""

    code = "version_conflict"


class BalanceConditionFailed(LedgerError):
    """The account holds less than the deed asks for."""

    code = "balance_condition_failed"


class MoveInvalid(LedgerError):
    """The deed moves nothing, moves between one account, or mixes currencies."""

    code = "move_invalid"


class TransferNotFound(LedgerError):
    """There is no such transfer, or no such posting."""

    code = "transfer_not_found"


class AlreadyReversed(LedgerError):
    """The transfer was undone before: once is all."""

    code = "already_reversed"


class ReversalNotReversible(LedgerError):
    """The transfer undoes another one and cannot be undone itself."""

    code = "reversal_not_reversible"
