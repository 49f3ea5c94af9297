"""What goes over the wire: strict, bounded, and no field that was not asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from ninja import Schema
from pydantic import ConfigDict, Field

from tallystick import ids
from tallystick.money import MINOR_MAX, Money
from tallystick.payments import Payment
from tallystick.wallets import NOTE_MAX, Line, Receipt, Transferred, Wallet

__all__ = [
    "EntriesOut",
    "EntryOut",
    "MoneyOut",
    "Owner",
    "PaymentIn",
    "PaymentOut",
    "PaymentsOut",
    "ReceiptOut",
    "TransferIn",
    "TransferOut",
    "WalletIn",
    "WalletOut",
    "WalletsOut",
]

#: Minor units as JSON integers, exact in every reader.
Minor = Annotated[int, Field(ge=1, le=MINOR_MAX, description="Minor units of the currency")]
Code = Annotated[str, Field(pattern="^[A-Z]{3}$", description="ISO 4217, as KES")]
Id = Annotated[str, Field(min_length=5, max_length=40)]
Owner = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        description="For whom to act: for keys that reach every owner, who must say it",
    ),
]


class _Strict(Schema):
    model_config = ConfigDict(strict=True, extra="forbid")


class MoneyOut(_Strict):
    """An amount: minor units and currency."""

    amount: int
    currency: str

    @classmethod
    def of(cls, money: Money) -> Self:
        """Return the wire form."""
        return cls(amount=money.minor, currency=money.currency.code)


class WalletIn(_Strict):
    """What a caller asks: a wallet in this currency."""

    currency: Code
    owner: Owner | None = None


class WalletOut(_Strict):
    """A wallet of the owner's."""

    id: str
    currency: str
    available: MoneyOut
    held: MoneyOut
    version: int
    created_at: datetime

    @classmethod
    def of(cls, wallet: Wallet) -> Self:
        """Return the wire form."""
        return cls(
            id=ids.show("wal", wallet.id),
            currency=wallet.currency.code,
            available=MoneyOut.of(wallet.available),
            held=MoneyOut.of(wallet.held),
            version=wallet.version,
            created_at=wallet.created_at,
        )


class WalletsOut(_Strict):
    """A part of the caller's wallets, and the cursor of the next, null at the end."""

    items: list[WalletOut]
    next: str | None


class PaymentIn(_Strict):
    """What a caller asks: this much, into this wallet, by this provider."""

    wallet: Id
    amount: Minor
    currency: Code
    provider: Annotated[str, Field(pattern="^[a-z]{2,20}$")] = "stripe"
    owner: Owner | None = None


class FailureOut(_Strict):
    """The last refusal: a stable code and a sentence."""

    code: str
    detail: str


class PaymentOut(_Strict):
    """A payment of the owner's."""

    id: str
    wallet: str
    amount: int
    currency: str
    provider: str
    state: str
    action_url: str | None
    failure: FailureOut | None
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """Return the wire form."""
        failure = None
        if payment.failure_code is not None:
            failure = FailureOut(code=payment.failure_code, detail=payment.failure_detail or "")
        return cls(
            id=ids.show("pay", payment.id),
            wallet=ids.show("wal", payment.wallet_id),
            amount=payment.amount.minor,
            currency=payment.amount.currency.code,
            provider=payment.provider,
            state=payment.state.value,
            action_url=payment.action_url,
            failure=failure,
            created_at=payment.created_at,
            updated_at=payment.updated_at,
            settled_at=payment.settled_at,
        )


class PaymentsOut(_Strict):
    """A part of the caller's payments, and the cursor of the next, null at the end."""

    items: list[PaymentOut]
    next: str | None


class TransferIn(_Strict):
    """What a caller asks: this much, from a wallet of theirs, to somebody else's."""

    from_: Annotated[Id, Field(alias="from", description="A wallet of the caller's, as wal_…")]
    to: Annotated[
        str,
        Field(
            min_length=1,
            max_length=320,
            description="A wallet's id or link, a handle, or a verified e-mail address",
        ),
    ]
    amount: Minor
    currency: Code
    note: Annotated[
        str | None, Field(max_length=NOTE_MAX, description="One line that both sides see")
    ] = None
    owner: Owner | None = None


class AfterOut(_Strict):
    """The caller's own wallet right after the transfer."""

    id: str
    balance: MoneyOut
    version: int


class TransferOut(_Strict):
    """A transfer of the caller's; nothing of the other wallet."""

    id: str
    amount: int
    currency: str
    wallet: AfterOut
    created_at: datetime

    @classmethod
    def of(cls, done: Transferred) -> Self:
        """Return the wire form."""
        return cls(
            id=ids.show("tra", done.id),
            amount=done.amount.minor,
            currency=done.amount.currency.code,
            wallet=AfterOut(
                id=ids.show("wal", done.from_wallet),
                balance=MoneyOut.of(done.balance),
                version=done.version,
            ),
            created_at=done.created_at,
        )


class ReceiptOut(_Strict):
    """A transfer as one of its two sides sees it: its own wallet, nothing of the other."""

    id: str
    direction: Literal["sent", "received"]
    amount: int
    currency: str
    note: str | None
    wallet: AfterOut
    created_at: datetime

    @classmethod
    def of(cls, receipt: Receipt, *, owner: str) -> Self:
        """Return the wire form for one of the two owners."""
        return cls(
            id=ids.show("tra", receipt.id),
            direction="sent" if receipt.payer == owner else "received",
            amount=receipt.amount.minor,
            currency=receipt.amount.currency.code,
            note=receipt.note,
            wallet=AfterOut(
                id=ids.show("wal", receipt.wallet_id),
                balance=MoneyOut.of(receipt.balance),
                version=receipt.version,
            ),
            created_at=receipt.created_at,
        )


class EntryOut(_Strict):
    """One side of a transfer, with the balance after it."""

    version: int
    amount: int
    balance: int
    kind: str
    transfer: str
    note: str | None
    occurred_at: datetime
    created_at: datetime

    @classmethod
    def of(cls, line: Line) -> Self:
        """Return the wire form."""
        entry = line.entry
        return cls(
            version=entry.version,
            amount=entry.amount.minor,
            balance=entry.balance.minor,
            kind=entry.kind,
            transfer=ids.show("tra", entry.transfer_id),
            note=line.note,
            occurred_at=entry.occurred_at,
            created_at=entry.created_at,
        )


class EntriesOut(_Strict):
    """A page of a wallet's entries, newest first; amounts in minor units of its currency."""

    currency: str
    items: list[EntryOut]
    next: str | None
