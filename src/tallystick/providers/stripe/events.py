"""Stripe's events, read strictly: what they are, and what they say about our payments."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tallystick.payments import Expired, Fact
from tallystick.providers.stripe.objects import (
    PAYMENT_KEY,
    DisputeObject,
    Intent,
    RefundObject,
    Session,
    Text,
)
from tallystick.webhooks import Event, EventMalformed

__all__ = ["interpret", "parse"]

_DISPUTES: Final = "charge.dispute."
_REFUNDS: Final = frozenset(
    {"refund.created", "refund.updated", "refund.failed", "charge.refund.updated"}
)
_PAID: Final = frozenset({"checkout.session.completed", "checkout.session.async_payment_succeeded"})
_EXPIRED: Final = frozenset({"checkout.session.expired", "checkout.session.async_payment_failed"})
_DECLINED: Final = "payment_intent.payment_failed"
#: Kinds, beside those of disputes, that can say something about us.
_SPEAKING: Final = _REFUNDS | _PAID | _EXPIRED | {_DECLINED}
#: The last second of the year 9999.
_STAMP_MAX: Final = 253_402_300_799


class _Data(BaseModel):
    object: dict[str, Any]


class _Event(BaseModel):
    id: Text
    type: Text
    created: Annotated[int, Field(ge=0, le=_STAMP_MAX, strict=True)]
    data: _Data
    livemode: Annotated[bool, Field(strict=True)] = False
    #: Only where it is about an account that is connected to ours.
    account: Text | None = None


_EVENT: Final = TypeAdapter(_Event)


def parse(raw: bytes) -> Event:
    """Return the event in a signed body; raise EventMalformed for anything else."""
    event = _read(raw)
    occurred_at = datetime.fromtimestamp(event.created, UTC)
    is_silent = not (event.type in _SPEAKING or event.type.startswith(_DISPUTES))
    return Event(event.id, event.type, occurred_at, raw, is_silent=is_silent)


def interpret(event: Event, *, is_live: bool) -> Fact | None:
    """Return what an event says about us; None where it says nothing.

    That is so for events of the other mode or of another account. Raises EventMalformed where an
    object of ours is not as Stripe documents it.
    """
    read = _read(event.body)
    if read.livemode is not is_live or read.account is not None:
        return None
    try:
        return _fact(event.kind, read.data.object, event.occurred_at)
    except ValidationError as error:
        raise EventMalformed(_where(error)) from None


def _fact(kind: str, content: dict[str, Any], at: datetime) -> Fact | None:
    if kind.startswith(_DISPUTES):
        return DisputeObject.model_validate(content).reported(at)
    if kind in _REFUNDS:
        return RefundObject.model_validate(content).reported(at)
    if PAYMENT_KEY in (content.get("metadata") or {}):
        return _collected(kind, content, at)
    return None


def _collected(kind: str, content: dict[str, Any], at: datetime) -> Fact | None:
    """Return what an event says about money coming in, of an object with our reference."""
    if kind in _PAID:
        return Session.model_validate(content).paid(at)
    if kind in _EXPIRED:
        session = Session.model_validate(content)
        return Expired(session.metadata[PAYMENT_KEY], session.id, at)
    return Intent.model_validate(content).declined(at) if kind == _DECLINED else None


def _read(raw: bytes) -> _Event:
    try:
        return _EVENT.validate_json(raw)
    except ValidationError as error:
        raise EventMalformed(_where(error)) from None


def _where(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "body"
    return f"The event cannot be read: {place}: {first['msg']}."
