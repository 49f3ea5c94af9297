"""Stripe's events, read strictly: what they are, and what they say about our payments.

Bodies are input like any other: bounded and typed before a field of theirs is believed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tallystick.payments import Declined, Expired, Fact, Paid
from tallystick.providers.stripe.amounts import from_stripe
from tallystick.webhooks import Event, EventMalformed

__all__ = ["METADATA_KEY", "interpret", "parse"]

#: Where our payment's shown id stands in the metadata of Stripe's objects.
METADATA_KEY: Final = "tallystick_payment"

# Printable ASCII: PostgreSQL keeps no NUL, and Stripe's ids and kinds hold nothing else.
_Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
#: The last second of the year 9999.
_STAMP_MAX: Final = 253_402_300_799


class _Data(BaseModel):
    object: dict[str, Any]


class _Event(BaseModel):
    id: _Text
    type: _Text
    created: Annotated[int, Field(ge=0, le=_STAMP_MAX, strict=True)]
    data: _Data


class _Session(BaseModel):
    id: _Text
    payment_status: _Text
    amount_total: Annotated[int, Field(ge=0, le=2**53, strict=True)]
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")]
    metadata: dict[str, str]


class _PaymentError(BaseModel):
    code: str = "card_declined"
    decline_code: str | None = None
    message: str = "The card was declined."


class _Intent(BaseModel):
    id: _Text
    metadata: dict[str, str]
    last_payment_error: _PaymentError | None = None


_EVENT: Final = TypeAdapter(_Event)


def parse(raw: bytes) -> Event:
    """Return the event in a signed body; raise EventMalformed for anything else."""
    event = _read(raw)
    return Event(event.id, event.type, datetime.fromtimestamp(event.created, UTC), raw)


def interpret(event: Event) -> Fact | None:
    """Return what an event says about a payment of ours; None where it says nothing.

    Raises EventMalformed where an object of ours is not as Stripe documents it.
    """
    content = _read(event.body).data.object
    if METADATA_KEY not in (content.get("metadata") or {}):
        return None
    try:
        match event.kind:
            case "checkout.session.completed" | "checkout.session.async_payment_succeeded":
                return _paid(_Session.model_validate(content), event)
            case "checkout.session.expired":
                session = _Session.model_validate(content)
                return Expired(session.metadata[METADATA_KEY], session.id, event.occurred_at)
            case "payment_intent.payment_failed":
                return _declined(_Intent.model_validate(content), event)
            case _:
                return None
    except ValidationError as error:
        raise EventMalformed(_where(error)) from None


def _paid(session: _Session, event: Event) -> Paid | None:
    if session.payment_status != "paid":
        return None
    amount = from_stripe(session.amount_total, session.currency)
    return Paid(session.metadata[METADATA_KEY], session.id, amount, event.occurred_at)


def _declined(intent: _Intent, event: Event) -> Declined:
    error = intent.last_payment_error or _PaymentError()
    return Declined(
        intent.metadata[METADATA_KEY],
        error.decline_code or error.code,
        error.message,
        event.occurred_at,
    )


def _read(raw: bytes) -> _Event:
    try:
        return _EVENT.validate_json(raw)
    except ValidationError as error:
        raise EventMalformed(_where(error)) from None


def _where(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"The event cannot be read: {place}: {first['msg']}."
