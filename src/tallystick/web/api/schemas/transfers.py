"""Transfers between wallets, as they go over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from tallystick import ids
from tallystick.wallets import NOTE_MAX, Receipt, Transferred
from tallystick.web.api.schemas.forms import Code, Id, Minor, MoneyOut, Owner, Strict

__all__ = ["ReceiptOut", "TransferIn", "TransferOut"]


class TransferIn(Strict):
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


class AfterOut(Strict):
    """The caller's own wallet right after the transfer."""

    id: str
    balance: MoneyOut
    version: int


class TransferOut(Strict):
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


class ReceiptOut(Strict):
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
