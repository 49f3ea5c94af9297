"""Why the wallets room refuses.

WalletError
├── OwnerMalformed     the text cannot name an owner
├── WalletNotFound     no such wallet, or another owner's: the two look the same
│   ├── PayerNotFound  no such wallet to send from
│   └── PayeeNotFound  no such wallet to send to
├── TransferNotFound   no such transfer, or between other people's wallets
├── SelfTransfer       a wallet cannot pay itself
├── PayeeUnavailable   the recipient's wallet can take no money now
├── NoteMalformed      a note is one short line
└── NoCover            a transfer of more than the wallet has (also ledger.InsufficientFunds)
"""

from __future__ import annotations

from uuid import UUID

from tallystick.errors import TallystickError
from tallystick.ledger import InsufficientFunds
from tallystick.money import Money

__all__ = [
    "NoCover",
    "NoteMalformed",
    "OwnerMalformed",
    "PayeeNotFound",
    "PayeeUnavailable",
    "PayerNotFound",
    "SelfTransfer",
    "TransferNotFound",
    "WalletError",
    "WalletNotFound",
]


class WalletError(TallystickError):
    """Something is wrong with a wallet."""

    code = "wallet_error"


class OwnerMalformed(WalletError):
    """The text cannot name an owner."""

    code = "owner_malformed"
    field = "owner"


class WalletNotFound(WalletError):
    """No such wallet, or it is another owner's."""

    code = "wallet_not_found"
    field = "wallet"

    def __init__(self, wallet_id: UUID) -> None:
        """Keep the id that was asked for."""
        super().__init__("There is no such wallet.")
        self.wallet_id = wallet_id


class PayerNotFound(WalletNotFound):
    """No such wallet to send from, or it is another owner's."""

    field = "from"


class PayeeNotFound(WalletNotFound):
    """No such wallet to send to."""

    field = "to"


class TransferNotFound(WalletError):
    """No such transfer, or neither of its wallets is the owner's."""

    code = "transfer_not_found"

    def __init__(self, transfer_id: UUID) -> None:
        """Keep the id that was asked for."""
        super().__init__("There is no such transfer.")
        self.transfer_id = transfer_id


class SelfTransfer(WalletError):
    """A wallet cannot pay itself."""

    code = "self_transfer"
    field = "to"


class PayeeUnavailable(WalletError):
    """The recipient's wallet can take no money now: it is frozen, or full."""

    code = "payee_unavailable"
    field = "to"

    def __init__(self, wallet_id: UUID) -> None:
        """Keep the id; the sentence tells nothing of how it is with the wallet."""
        super().__init__("The recipient cannot be paid now. Nothing was moved; ask them.")
        self.wallet_id = wallet_id


class NoteMalformed(WalletError):
    """The note is too long, or holds signs that are none of a line's."""

    code = "note_malformed"
    field = "note"


class NoCover(WalletError, InsufficientFunds):
    """The wallet does not cover the transfer; `balance` is what it has, read under the lock."""

    code = "insufficient_funds"
    field = "amount"

    def __init__(self, balance: Money) -> None:
        """Keep the wallet's own balance."""
        super().__init__(f"The wallet has {balance}, which does not cover this amount.")
        self.balance = balance
