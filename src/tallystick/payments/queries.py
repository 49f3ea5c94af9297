"""Reads of payments. Another owner's payment looks as if it were not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.db import Connection, arrays
from tallystick.payments import store
from tallystick.payments.errors import PaymentNotFound, ReviewNotFound
from tallystick.payments.model import (
    Collection,
    Dispute,
    News,
    Payment,
    PaymentState,
    Refund,
    Review,
    Step,
)

__all__ = [
    "File",
    "Try",
    "file",
    "get",
    "named_there",
    "newest",
    "of_owner",
    "review",
    "reviews",
    "steps",
]


@dataclass(frozen=True, slots=True)
class Try:
    """One call to a provider, as operators see it. Times are the raw database clock's."""

    operation: str
    number: int
    started_at: datetime
    ended_at: datetime | None
    #: answered, refused or unknown; None while it is open.
    outcome: str | None
    refund_id: UUID | None


@dataclass(frozen=True, slots=True)
class File:
    """A payment with all that belongs to it, each list first to last."""

    payment: Payment
    steps: list[Step]
    refunds: list[Refund]
    disputes: list[Dispute]
    #: The money that came for it, in time or not.
    collections: list[Collection]
    news: list[News]
    tries: list[Try]
    reviews: list[Review]


def get(conn: Connection, *, payment_id: UUID, owner: str | None) -> Payment:
    """Return a payment of this owner, of anybody's for None; raise PaymentNotFound for others."""
    found = store.read(conn, "by_id", id=payment_id)
    if not found or owner not in {None, found[0].owner}:
        raise PaymentNotFound("There is no such payment.")
    return found[0]


def file(conn: Connection, *, payment_id: UUID, owner: str | None) -> File:
    """Return a payment of this owner with all of it, of anybody's for None.

    Raises PaymentNotFound for any other.
    """
    payment = get(conn, payment_id=payment_id, owner=owner)
    named = arrays.uuids([payment_id])
    tried = store.attempts(conn, payment_id=payment_id, whole=True)
    return File(
        payment=payment,
        steps=store.steps(conn, payment_id),
        refunds=store.read_refunds(conn, "refunds_of_payments", payment_ids=named),
        disputes=store.disputes(conn, [payment_id]),
        collections=store.collections(conn, [payment_id]),
        news=store.news(conn, [payment_id]),
        tries=[
            Try(
                row.operation,
                row.attempt.number,
                row.started_at,
                row.ended_at,
                row.outcome,
                row.attempt.refund_id,
            )
            for row in tried
        ],
        reviews=reviews(conn, payment_id=payment_id)[::-1],
    )


def of_owner(
    conn: Connection, *, owner: str, limit: int = 20, before: UUID | None = None
) -> list[Payment]:
    """Return the newest payments of an owner, newest first; older than `before` if given."""
    return store.read(conn, "of_owner", owner=owner, most=limit, before=before)


def newest(
    conn: Connection,
    *,
    state: PaymentState | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> list[Payment]:
    """Return the newest payments of everybody, for operators; in one state where it is given."""
    word = None if state is None else state.value
    return store.read(conn, "newest", state=word, most=limit, before=before)


def named_there(
    conn: Connection, *, reference: str, providers: Iterable[str], limit: int = 50
) -> list[Payment]:
    """Return the payments that an id of one of these providers leads to, newest first.

    For operators: the id of the payment, of its money, of a refund or of a dispute.
    """
    named = arrays.texts(providers)
    return store.read(conn, "named_there", reference=reference, providers=named, most=limit)


def steps(conn: Connection, *, payment_id: UUID) -> list[Step]:
    """Return all moves of a payment and of its refunds, in their order."""
    return store.steps(conn, payment_id)


def review(conn: Connection, *, review_id: UUID) -> Review:
    """Return a review; raise ReviewNotFound."""
    found = store.review(conn, review_id)
    if found is None:
        raise ReviewNotFound("There is no such review.")
    return found


def reviews(
    conn: Connection,
    *,
    is_open: bool | None = None,
    payment_id: UUID | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> list[Review]:
    """Return reviews, the newest first: open or resolved ones, those of one payment, or all."""
    state = None if is_open is None else "open" if is_open else "resolved"
    return store.reviews(conn, state=state, payment_id=payment_id, most=limit, before=before)
