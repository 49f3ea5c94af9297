"""What goes over the wire: strict, bounded, and no field that was not asked for."""

from __future__ import annotations

from tallystick.web.api.schemas.forms import MoneyOut, Owner
from tallystick.web.api.schemas.oversight import (
    JobOut,
    ResolveIn,
    ReviewOut,
    ReviewsOut,
    ReviewState,
)
from tallystick.web.api.schemas.payments import (
    PaymentFileOut,
    PaymentIn,
    PaymentOut,
    PaymentsOut,
    RefundIn,
    RefundOut,
    RefundsOut,
)
from tallystick.web.api.schemas.transfers import ReceiptOut, TransferIn, TransferOut
from tallystick.web.api.schemas.wallets import (
    EntriesOut,
    EntryOut,
    WalletIn,
    WalletOut,
    WalletsOut,
)

__all__ = [
    "EntriesOut",
    "EntryOut",
    "JobOut",
    "MoneyOut",
    "Owner",
    "PaymentFileOut",
    "PaymentIn",
    "PaymentOut",
    "PaymentsOut",
    "ReceiptOut",
    "RefundIn",
    "RefundOut",
    "RefundsOut",
    "ResolveIn",
    "ReviewOut",
    "ReviewState",
    "ReviewsOut",
    "TransferIn",
    "TransferOut",
    "WalletIn",
    "WalletOut",
    "WalletsOut",
]
