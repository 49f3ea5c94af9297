"""Why the wallets room refuses.

WalletError
├── OwnerMalformed   the text cannot name an owner
└── WalletNotFound   no such wallet, or another owner's: the two look the same
"""

from __future__ import annotations

from uuid import UUID

from tallystick.errors import TallystickError

__all__ = ["OwnerMalformed", "WalletError", "WalletNotFound"]


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
