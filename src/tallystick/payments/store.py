"""Typed calls to the payments' SQL. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection, Statements, arrays
from tallystick.money import Currency, Money
from tallystick.payments.model import (
    Attempt,
    Change,
    Collection,
    CollectionKind,
    Crossing,
    Dispute,
    DisputeState,
    Names,
    News,
    NewsKind,
    Origin,
    Payment,
    PaymentState,
    Reason,
    Refund,
    Review,
    Standing,
    Step,
)

__all__ = [
    "AttemptRow",
    "attempts",
    "collected",
    "collected_before",
    "collections",
    "disputes",
    "end_attempt",
    "insert",
    "insert_collections",
    "insert_news",
    "insert_refund",
    "lock",
    "lock_one",
    "lock_review",
    "look_later",
    "news",
    "open_attempt",
    "open_review",
    "read",
    "read_refunds",
    "review",
    "reviews",
    "rows",
    "run",
    "steps",
    "write",
    "write_dispute",
    "write_payments",
]

_RECORDS: Final = (Payment, Refund, Dispute, News, Collection, Review)
STATEMENTS: Final = Statements(
    __package__,
    columns={
        # An amount takes two columns.
        kind.__name__.lower(): [
            name
            for field in fields(kind)
            for name in ([field.name, "currency"] if field.name == "amount" else [field.name])
        ]
        for kind in _RECORDS
    },
)
_PAYMENT: Final[Mapping[str, Callable[[Iterable[Any]], arrays.Column]]] = {
    "id": arrays.uuids,
    "state": arrays.texts,
    "reference": arrays.texts,
    "action_url": arrays.texts,
    "failure_code": arrays.texts,
    "failure_detail": arrays.texts,
    "posting_id": arrays.uuids,
    "settled_at": arrays.moments,
    "collected_reference": arrays.texts,
    "waiting_since": arrays.moments,
    "look_at": arrays.moments,
    "updated_at": arrays.moments,
}
Row = TypeVar("Row", Payment, Refund, Dispute, News, Collection, Review)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt with its times by the raw database clock."""

    attempt: Attempt
    started_at: datetime
    ended_at: datetime | None
    operation: str
    #: answered, refused or unknown; None while it is open.
    outcome: str | None
    read_at: datetime


def rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a named statement that returns rows, and return them all."""
    return db.rows(conn, STATEMENTS[name], values)


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    db.run(conn, STATEMENTS[name], values)


def insert(conn: Connection, **values: object) -> Payment | None:
    """Keep a new payment with its first step and return it; None where its key is taken."""
    return next(iter(read(conn, "insert_payment", step_id=ids.new(), **values)), None)


def read(conn: Connection, name: str, **values: object) -> list[Payment]:
    """Run a named statement that returns payments. Columns that are new to us are passed over."""
    return [_made(Payment, row) for row in _records(conn, name, **values)]


def read_refunds(conn: Connection, name: str, **values: object) -> list[Refund]:
    """Run a named statement that returns refunds."""
    return [_made(Refund, row) for row in _records(conn, name, **values)]


def disputes(conn: Connection, payment_ids: Sequence[UUID]) -> list[Dispute]:
    """Return all disputes of some payments, first to last."""
    found = _records(conn, "disputes_of_payments", payment_ids=arrays.uuids(payment_ids))
    return [_made(Dispute, row) for row in found]


def news(conn: Connection, payment_ids: Sequence[UUID]) -> list[News]:
    """Return what was booked beside some payments, first to last."""
    found = _records(conn, "news_of_payments", payment_ids=arrays.uuids(payment_ids))
    return [_made(News, row) for row in found]


def lock(conn: Connection, payment_ids: Sequence[UUID]) -> dict[UUID, Standing]:
    """Lock payments FOR NO KEY UPDATE in order of id and return those that exist.

    Their refunds, disputes and news move under the same lock and are read with them.
    """
    locked = read(conn, "lock", ids=arrays.uuids(payment_ids))
    if not locked:
        return {}
    named = [payment.id for payment in locked]
    kept = collections(conn, named)
    # What brought no money, and has not ended, has nothing that could come back.
    brought = {one.payment_id for one in kept}
    since = [one.id for one in locked if one.is_terminal or one.id in brought]
    refunds = (
        read_refunds(conn, "refunds_of_payments", payment_ids=arrays.uuids(since)) if since else []
    )
    disputed, told = (disputes(conn, since), news(conn, since)) if since else ([], [])
    return {
        payment.id: Standing(
            payment,
            {one.id: one for one in refunds if one.payment_id == payment.id},
            {one.reference: one for one in disputed if one.payment_id == payment.id},
            frozenset((one.kind, one.reference) for one in told if one.payment_id == payment.id),
            {one.reference: one for one in kept if one.payment_id == payment.id},
        )
        for payment in locked
    }


def collections(conn: Connection, payment_ids: Sequence[UUID]) -> list[Collection]:
    """Return the money that came for some payments, first to last."""
    found = _records(conn, "collections_of_payments", payment_ids=arrays.uuids(payment_ids))
    return [_made(Collection, row) for row in found]


def collected(
    conn: Connection, *, provider: str, references: Sequence[str]
) -> dict[str, Collection]:
    """Return the money that a provider names by these ids of its own, where it is known."""
    named = arrays.texts(references)
    found = _records(conn, "collected", provider=provider, references=named)
    made = [_made(Collection, row) for row in found]
    return {one.collected_reference: one for one in made if one.collected_reference is not None}


def collected_before(
    conn: Connection, *, provider: str, references: Sequence[str]
) -> dict[str, UUID]:
    """Return whose it is, of payments that were settled before money was kept piece by piece."""
    named = arrays.texts(references)
    return dict(rows(conn, "collected_before", provider=provider, references=named))


def insert_collections(conn: Connection, kept: Sequence[Collection]) -> bool:
    """Keep pieces of money and return whether none of them was kept already."""
    if not kept:
        return True
    made = rows(
        conn,
        "insert_collections",
        id=arrays.uuids(one.id for one in kept),
        payment_id=arrays.uuids(one.payment_id for one in kept),
        provider=arrays.texts(one.provider for one in kept),
        reference=arrays.texts(one.reference for one in kept),
        collected_reference=arrays.texts(one.collected_reference for one in kept),
        kind=arrays.texts(one.kind.value for one in kept),
        amount=arrays.integers(one.amount.minor for one in kept),
        currency=arrays.texts(one.amount.currency.code for one in kept),
        posting_id=arrays.uuids(one.posting_id for one in kept),
        occurred_at=arrays.moments(one.occurred_at for one in kept),
        created_at=arrays.moments(one.created_at for one in kept),
    )
    return len(made) == len(kept)


def lock_one(conn: Connection, names: Names) -> tuple[Payment, Crossing, datetime] | None:
    """Lock a payment and return it with the one that is meant, itself or a refund of it.

    The last is the time of the transaction.
    """
    payment_id, refund_id = names
    found = _records(conn, "lock_one", id=payment_id)
    if not found:
        return None
    payment, now = _made(Payment, found[0]), found[0]["now"]
    if refund_id is None:
        return payment, payment, now
    made = read_refunds(conn, "refund_of_payment", id=refund_id, payment_id=payment_id)
    return (payment, made[0], now) if made else None


def write(conn: Connection, changes: Sequence[Change]) -> None:
    """Write locked payments and refunds as they are to stand, and their steps, all at once."""
    # Of several moves of one, the last one's is where it stands.
    last = {change.after.id: change.after for change in changes}.values()
    for one in last:
        if isinstance(one, Refund):
            run(conn, "update_refund", **_values(one))
    moves = [change for change in changes if change.note or change.before != change.after.state]
    payments = [one for one in last if isinstance(one, Payment)]
    _move(conn, payments, moves)


def write_payments(conn: Connection, payments: Sequence[Payment]) -> None:
    """Write locked payments as they are to stand, at once, without a step."""
    _move(conn, payments, [])


def insert_refund(conn: Connection, refund: Refund, *, note: str = "") -> None:
    """Keep a new refund with its first step."""
    run(conn, "insert_refund", **_values(refund))
    _move(conn, [], [Change(refund, "none", note)])


def write_dispute(conn: Connection, dispute: Dispute) -> None:
    """Keep a dispute of a locked payment, or bring it to where it goes."""
    run(conn, "write_dispute", **_values(dispute))


def insert_news(conn: Connection, told: News) -> bool:
    """Keep a piece of news and return whether this fact was not kept already."""
    return bool(rows(conn, "insert_news", **_values(told)))


def open_review(conn: Connection, review: Review) -> None:
    """Ask a question, unless it is asked already."""
    run(conn, "open_review", **_values(review))


def lock_review(conn: Connection, review_id: UUID) -> Review | None:
    """Lock a review and return it; None where there is none."""
    found = _records(conn, "lock_review", id=review_id)
    return _made(Review, found[0]) if found else None


def review(conn: Connection, review_id: UUID) -> Review | None:
    """Return a review; None where there is none."""
    found = _records(conn, "review_by_id", id=review_id)
    return _made(Review, found[0]) if found else None


def reviews(conn: Connection, **values: object) -> list[Review]:
    """Return reviews, the newest first."""
    return [_made(Review, row) for row in _records(conn, "reviews", **values)]


def steps(conn: Connection, payment_id: UUID) -> list[Step]:
    """Return all moves of a payment and of its refunds, in their order."""
    found = rows(conn, "steps", payment_id=payment_id)
    return [Step(PaymentState(state), note, at, refund_id) for state, note, at, refund_id in found]


def attempts(
    conn: Connection, *, payment_id: UUID, refund_id: UUID | None = None, whole: bool = False
) -> list[AttemptRow]:
    """Return the attempts of a payment or of a refund of it, or `whole`, of both, in order."""
    found = rows(conn, "attempts", payment_id=payment_id, refund_id=refund_id, whole=whole)
    return [AttemptRow(Attempt(*row[:6]), *row[6:]) for row in found]


def open_attempt(
    conn: Connection, crossing: Crossing, *, number: int, operation: str, deadline_s: int
) -> Attempt:
    """Write an attempt before its call; the database refuses a second open one."""
    payment_id, refund_id = crossing.names
    attempt_id, provider_key = ids.new(), f"tallystick-{crossing.id}-{operation}"
    [(deadline_at,)] = rows(
        conn,
        "open_attempt",
        id=attempt_id,
        payment_id=payment_id,
        refund_id=refund_id,
        number=number,
        operation=operation,
        provider_key=provider_key,
        deadline_s=deadline_s,
    )
    return Attempt(attempt_id, payment_id, number, provider_key, deadline_at, refund_id)


def end_attempt(conn: Connection, attempt_id: UUID, *, outcome: str) -> bool:
    """Record the outcome of an open attempt; return False where it was closed already."""
    return bool(rows(conn, "end_attempt", id=attempt_id, outcome=outcome))


def look_later(conn: Connection, name: str, when: Mapping[UUID, datetime | None]) -> None:
    """Write when locked payments or refunds are looked at again."""
    if when:
        run(conn, name, id=arrays.uuids(when), look_at=arrays.moments(when.values()))


def _records(conn: Connection, name: str, **values: object) -> list[dict[str, Any]]:
    return db.records(conn, STATEMENTS[name], values)


#: How columns become fields where they differ.
_READ: Final[Mapping[tuple[type, str], Callable[[dict[str, Any]], Any]]] = {
    (Payment, "state"): lambda row: PaymentState(row["state"]),
    (Refund, "state"): lambda row: PaymentState(row["state"]),
    (Dispute, "state"): lambda row: DisputeState(row["state"]),
    (Refund, "origin"): lambda row: Origin(row["origin"]),
    (Refund, "reason"): lambda row: Reason(row["reason"]),
    (News, "kind"): lambda row: NewsKind(row["kind"]),
    (Collection, "kind"): lambda row: CollectionKind(row["kind"]),
    **{
        (kind, "amount"): lambda row: Money(row["amount"], Currency(row["currency"]))
        for kind in (Payment, Refund, Dispute, News, Collection)
    },
    (Payment, "refunded"): lambda row: Money(row["refunded"], Currency(row["currency"])),
}


def _made(kind: type[Row], row: dict[str, Any]) -> Row:
    """Return the row as what it is; columns that are new to us are passed over."""
    own: dict[str, Any] = {
        field.name: _READ[kind, field.name](row) if (kind, field.name) in _READ else row[field.name]
        for field in fields(kind)
    }
    return kind(**own)


def _values(record: Refund | Dispute | News | Review) -> dict[str, object]:
    """Return the record's fields as its statement names them."""
    values: dict[str, object] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, Money):
            values |= {field.name: value.minor, "currency": value.currency.code}
        else:
            values[field.name] = value.value if isinstance(value, StrEnum) else value
    return values


def _move(conn: Connection, payments: Sequence[Payment], changes: Sequence[Change]) -> None:
    """Write payments as they are to stand, and a step for each change, in one statement."""
    if not payments and not changes:
        return
    columns = {
        field: make(getattr(one, field) for one in payments) for field, make in _PAYMENT.items()
    }
    after = [change.after for change in changes]
    run(
        conn,
        "move",
        **columns,
        refunded=arrays.integers(one.refunded.minor for one in payments),
        step_id=arrays.uuids(ids.new() for _ in changes),
        payment_id=arrays.uuids(one.names[0] for one in after),
        refund_id=arrays.uuids(one.names[1] for one in after),
        state_before=arrays.texts(change.before for change in changes),
        state_after=arrays.texts(one.state.value for one in after),
        note=arrays.texts(change.note for change in changes),
        stepped_at=arrays.moments(one.updated_at for one in after),
    )
