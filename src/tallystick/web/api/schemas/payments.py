"""Payments, their refunds and their way, as they go over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from tallystick import ids
from tallystick.payments import File, Payment, PaymentState, Refund, Step
from tallystick.web.api.schemas.forms import Code, Id, Minor, Owner, Strict

__all__ = [
    "PaymentFileOut",
    "PaymentIn",
    "PaymentOut",
    "PaymentsOut",
    "RefundIn",
    "RefundOut",
    "RefundsOut",
]


class PaymentIn(Strict):
    """What a caller asks: this much, into this wallet, by this provider."""

    wallet: Id
    amount: Minor
    currency: Code
    provider: Annotated[str, Field(pattern="^[a-z]{2,20}$")] = "stripe"
    owner: Owner | None = None


class FailureOut(Strict):
    """The last refusal: a stable code and a sentence."""

    code: str
    detail: str

    @classmethod
    def of(cls, crossing: Payment | Refund) -> Self | None:
        """Return the wire form; None where nothing was refused."""
        if crossing.failure_code is None:
            return None
        return cls(code=crossing.failure_code, detail=crossing.failure_detail or "")


class RefundIn(Strict):
    """What a caller asks: so much of a payment back, or without an amount all that is left."""

    amount: Annotated[
        Minor | None, Field(description="Minor units; without it all that is left")
    ] = None
    currency: Annotated[Code | None, Field(description="The payment's; another one is refused")] = (
        None
    )
    reason: Annotated[
        Literal["requested_by_customer", "duplicate", "fraudulent", "other"],
        Field(description="Why, as providers know it"),
    ] = "requested_by_customer"


class RefundOut(Strict):
    """A refund of a payment; its states are those of payments."""

    id: str
    payment: str
    amount: int
    currency: str
    provider: str
    #: `ours`: asked for here; `provider`: made at the provider without us.
    origin: str
    state: str
    reason: str
    failure: FailureOut | None
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None
    expires_at: datetime

    @classmethod
    def of(cls, refund: Refund) -> Self:
        """Return the wire form."""
        return cls(
            id=ids.show("ref", refund.id),
            payment=ids.show("pay", refund.payment_id),
            amount=refund.amount.minor,
            currency=refund.amount.currency.code,
            provider=refund.provider,
            origin=refund.origin.value,
            state=refund.state.value,
            reason=refund.reason.value,
            failure=FailureOut.of(refund),
            created_at=refund.created_at,
            updated_at=refund.updated_at,
            settled_at=refund.settled_at,
            expires_at=refund.expires_at,
        )


class RefundsOut(Strict):
    """A part of a payment's refunds, and the cursor of the next, null at the end."""

    items: list[RefundOut]
    next: str | None


class StepOut(Strict):
    """One move of a payment or of a refund of it, or news about it."""

    state: str
    note: str
    at: datetime
    #: The refund that moved; null where the payment itself did.
    refund: str | None

    @classmethod
    def of(cls, step: Step) -> Self:
        """Return the wire form."""
        refund = None if step.refund_id is None else ids.show("ref", step.refund_id)
        return cls(state=step.state.value, note=step.note, at=step.at, refund=refund)


class PaymentOut(Strict):
    """A payment of the owner's; amounts in minor units of its currency."""

    id: str
    wallet: str
    amount: int
    currency: str
    provider: str
    state: str
    action_url: str | None
    failure: FailureOut | None
    #: What went back or is on its way back, and what may still go back.
    refunded: int
    left: int
    created_at: datetime
    updated_at: datetime
    settled_at: datetime | None
    #: Past it nothing is sent to the provider any more.
    expires_at: datetime

    @classmethod
    def of(cls, payment: Payment) -> Self:
        """Return the wire form."""
        return cls(**_payment(payment))


class PaymentFileOut(PaymentOut):
    """A payment with its refunds, first to last, and its whole way."""

    refunds: list[RefundOut]
    steps: list[StepOut]

    @classmethod
    def of_file(cls, file: File) -> Self:
        """Return the wire form."""
        return cls(
            **_payment(file.payment),
            refunds=[RefundOut.of(refund) for refund in file.refunds],
            steps=[StepOut.of(step) for step in file.steps],
        )


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "id": ids.show("pay", payment.id),
        "wallet": ids.show("wal", payment.wallet_id),
        "amount": payment.amount.minor,
        "currency": payment.amount.currency.code,
        "provider": payment.provider,
        "state": payment.state.value,
        "action_url": payment.action_url,
        "failure": FailureOut.of(payment),
        "refunded": payment.refunded.minor,
        "left": _left(payment),
        "created_at": payment.created_at,
        "updated_at": payment.updated_at,
        "settled_at": payment.settled_at,
        "expires_at": payment.expires_at,
    }


def _left(payment: Payment) -> int:
    """Return what may still go back: nothing of a payment that brought nothing."""
    return payment.left.minor if payment.state is PaymentState.SETTLED else 0


class PaymentsOut(Strict):
    """A part of the caller's payments, and the cursor of the next, null at the end."""

    items: list[PaymentOut]
    next: str | None
