"""Stripe's objects, read strictly, and what each says about our payments.

Answers and events are input like any other: bounded and typed before a field is believed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from tallystick.money import Money
from tallystick.payments import (
    Accepted,
    Declined,
    DisputeReported,
    DisputeState,
    Expired,
    Paid,
    Reason,
    RefundReported,
    RefundStatus,
)
from tallystick.providers.stripe.amounts import from_stripe
from tallystick.providers.stripe.refusals import sentence_of

__all__ = [
    "PAYMENT_KEY",
    "REFUND_KEY",
    "DisputeObject",
    "Intent",
    "RefundObject",
    "Session",
    "Text",
]

#: Where our shown ids stand in the metadata of Stripe's objects.
PAYMENT_KEY: Final = "tallystick_payment"
REFUND_KEY: Final = "tallystick_refund"

# Printable ASCII: PostgreSQL keeps no NUL, and Stripe's ids and kinds hold nothing else.
Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
_Amount = Annotated[int, Field(ge=0, le=2**53 - 1, strict=True)]
_Signed = Annotated[int, Field(ge=-(2**53) + 1, le=2**53 - 1, strict=True)]
_Currency = Annotated[str, Field(pattern="^[a-z]{3}$")]
#: Up to the last second of the year 9999.
_Stamp = Annotated[int, Field(ge=0, le=253_402_300_799, strict=True)]
_Metadata = Annotated[dict[str, str], Field(max_length=50)]


class _Charge(BaseModel):
    created: _Stamp


class Intent(BaseModel):
    """A PaymentIntent: the money that Stripe took, or tried to take."""

    id: Text
    metadata: _Metadata
    latest_charge: _Charge | Text | None = None
    last_payment_error: dict[str, Any] | None = None

    def declined(self, occurred_at: datetime) -> Declined:
        """Return why the card was refused."""
        error = self.last_payment_error or {}
        code = str(error.get("decline_code") or error.get("code") or "card_declined")
        code, sentence = sentence_of(code, str(error.get("message") or ""))
        return Declined(self.metadata[PAYMENT_KEY], code, sentence, occurred_at)


class Session(BaseModel):
    """A Checkout session."""

    id: Text
    status: Text | None = None
    payment_status: Text
    amount_total: _Amount
    currency: _Currency
    metadata: _Metadata
    created: _Stamp = 0
    url: Annotated[str, Field(max_length=2048, pattern=r"^https?://[\x21-\x7e]+$")] | None = None
    payment_intent: Intent | Text | None = None

    @property
    def intent_id(self) -> str | None:
        """Return the id of its PaymentIntent, if it has one yet."""
        return (
            self.payment_intent.id
            if isinstance(self.payment_intent, Intent)
            else (self.payment_intent)
        )

    @property
    def amount(self) -> Money:
        """Return what it asks for, or what was paid; raise MoneyMalformed."""
        return from_stripe(self.amount_total, self.currency)

    def paid(self, occurred_at: datetime) -> Paid | None:
        """Return that it is paid; None where it is not, or not yet."""
        if self.payment_status != "paid":
            return None
        named = self.metadata[PAYMENT_KEY]
        return Paid(named, self.id, self.amount, occurred_at, self.intent_id)

    def standing(self) -> Paid | Expired | Accepted | None:
        """Return how it stands, as Stripe says when it is asked."""
        occurred_at = self._occurred_at()
        if paid := self.paid(occurred_at):
            return paid
        if self.status == "expired":
            return Expired(self.metadata[PAYMENT_KEY], self.id, occurred_at)
        return Accepted(self.id, self.url) if self.status == "open" and self.url else None

    def _occurred_at(self) -> datetime:
        """Return when it was paid, where Stripe says so; else when it was made."""
        intent = self.payment_intent
        charge = intent.latest_charge if isinstance(intent, Intent) else None
        created = charge.created if isinstance(charge, _Charge) else self.created
        return datetime.fromtimestamp(created, UTC)


#: https://docs.stripe.com/api/refunds/object: the status of a refund.
_REFUND_STATUS: Final = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.PENDING,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}


class RefundObject(BaseModel):
    """A Refund."""

    id: Text
    amount: _Amount
    currency: _Currency
    status: Annotated[str, Field(pattern=f"^({'|'.join(_REFUND_STATUS)})$")]
    payment_intent: Text | None = None
    metadata: _Metadata | None = None
    reason: Text | None = None
    failure_reason: Text | None = None
    created: _Stamp

    def reported(self, occurred_at: datetime) -> RefundReported | None:
        """Return it as a fact; None where it belongs to no PaymentIntent: then it is not ours."""
        if self.payment_intent is None:
            return None
        code, sentence = sentence_of(self.failure_reason or "refund_failed", "")
        known = {reason.value for reason in Reason}
        return RefundReported(
            refund_id=(self.metadata or {}).get(REFUND_KEY),
            reference=self.id,
            collected_reference=self.payment_intent,
            amount=from_stripe(self.amount, self.currency),
            status=_REFUND_STATUS[self.status],
            occurred_at=occurred_at,
            reason=Reason(self.reason) if self.reason in known else Reason.OTHER,
            code=code,
            sentence=sentence,
        )

    @property
    def created_at(self) -> datetime:
        """Return when it was made."""
        return datetime.fromtimestamp(self.created, UTC)


class _Entry(BaseModel):
    amount: _Signed
    fee: _Signed
    currency: _Currency


class DisputeObject(BaseModel):
    """A Dispute, with the entries of the balance that it has made so far."""

    id: Text
    amount: _Amount
    currency: _Currency
    status: Text
    reason: Text
    payment_intent: Text | None = None
    created: _Stamp
    balance_transactions: Annotated[list[_Entry], Field(max_length=20)] = []

    def reported(self, occurred_at: datetime) -> DisputeReported | None:
        """Return it as a fact; None where it belongs to no PaymentIntent: then it is not ours."""
        if self.payment_intent is None:
            return None
        amount = from_stripe(self.amount, self.currency)
        # What is settled in another currency is charged in it: that fee is Stripe's statement's.
        fees = [one.fee for one in self.balance_transactions if one.currency == self.currency]
        return DisputeReported(
            reference=self.id,
            collected_reference=self.payment_intent,
            amount=amount,
            reason=self.reason,
            state=self._state(),
            is_withdrawn=any(one.amount < 0 for one in self.balance_transactions),
            is_reinstated=any(one.amount > 0 for one in self.balance_transactions),
            fee=from_stripe(sum(fee for fee in fees if fee > 0), self.currency),
            fee_returned=from_stripe(-sum(fee for fee in fees if fee < 0), self.currency),
            opened_at=datetime.fromtimestamp(self.created, UTC),
            occurred_at=occurred_at,
        )

    def _state(self) -> DisputeState:
        decided = {"won": DisputeState.WON, "lost": DisputeState.LOST}
        return decided.get(self.status, DisputeState.OPEN)
