"""Typed calls to the payments' SQL. It decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick import db, ids
from tallystick.db import Connection, Statements
from tallystick.money import Currency, Money
from tallystick.payments.model import Attempt, Payment, PaymentState, Step

__all__ = [
    "AttemptRow",
    "attempts",
    "end_attempt",
    "insert",
    "lock",
    "open_attempt",
    "read",
    "steps",
    "update",
    "write_step",
]

STATEMENTS: Final = Statements(__package__)
#: Columns that a Payment keeps as they are.
_PLAIN: Final = tuple(
    field.name for field in fields(Payment) if field.name not in {"amount", "state", "fingerprint"}
)


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt with its times by the raw database clock."""

    attempt: Attempt
    started_at: datetime
    ended_at: datetime | None
    read_at: datetime


def rows(conn: Connection, name: str, **values: object) -> list[tuple[Any, ...]]:
    """Run a named statement that returns rows, and return them all."""
    return db.rows(conn, STATEMENTS[name], values)


def run(conn: Connection, name: str, **values: object) -> None:
    """Run a named statement that returns nothing."""
    db.run(conn, STATEMENTS[name], values)


def insert(conn: Connection, **values: object) -> bool:
    """Keep a new payment and return whether its key was free."""
    return bool(rows(conn, "insert_payment", **values))


def read(conn: Connection, name: str, **values: object) -> list[Payment]:
    """Run a named statement that returns payments. Columns that are new to us are passed over."""
    return [_payment(row) for row in db.records(conn, STATEMENTS[name], values)]


def lock(conn: Connection, payment_ids: tuple[UUID, ...]) -> dict[UUID, Payment]:
    """Lock payments FOR NO KEY UPDATE in order of id and return those that exist."""
    return {payment.id: payment for payment in read(conn, "lock", ids=list(payment_ids))}


def update(conn: Connection, payment: Payment, *, before: PaymentState, note: str = "") -> None:
    """Write a locked payment as it is to stand, with the step that brought it there."""
    run(
        conn,
        "update_payment",
        id=payment.id,
        state=payment.state.value,
        reference=payment.reference,
        action_url=payment.action_url,
        failure_code=payment.failure_code,
        failure_detail=payment.failure_detail,
        posting_id=payment.posting_id,
        settled_at=payment.settled_at,
        now=payment.updated_at,
    )
    write_step(
        conn,
        payment.id,
        before=before.value,
        after=payment.state,
        note=note,
        now=payment.updated_at,
    )


def write_step(
    conn: Connection,
    payment_id: UUID,
    *,
    before: str,
    after: PaymentState,
    note: str,
    now: datetime,
) -> None:
    """Write one move; `before` is `none` for the beginning."""
    run(
        conn,
        "insert_step",
        id=ids.new(),
        payment_id=payment_id,
        state_before=before,
        state=after.value,
        note=note,
        now=now,
    )


def steps(conn: Connection, payment_id: UUID) -> list[Step]:
    """Return all moves of a payment in their order."""
    found = rows(conn, "steps", payment_id=payment_id)
    return [Step(PaymentState(state), note, at) for state, note, at in found]


def attempts(conn: Connection, payment_id: UUID) -> list[AttemptRow]:
    """Return all attempts of a payment, first to last."""
    found = rows(conn, "attempts", payment_id=payment_id)
    return [AttemptRow(Attempt(*row[:5]), *row[5:]) for row in found]


def open_attempt(
    conn: Connection, *, payment_id: UUID, number: int, provider_key: str, deadline_s: int
) -> Attempt:
    """Write an attempt before its call; the database refuses a second open one."""
    attempt_id = ids.new()
    [(deadline_at,)] = rows(
        conn,
        "open_attempt",
        id=attempt_id,
        payment_id=payment_id,
        number=number,
        operation="collect",
        provider_key=provider_key,
        deadline_s=deadline_s,
    )
    return Attempt(attempt_id, payment_id, number, provider_key, deadline_at)


def end_attempt(conn: Connection, attempt_id: UUID, *, outcome: str) -> bool:
    """Record the outcome of an open attempt; return False where it was closed already."""
    return bool(rows(conn, "end_attempt", id=attempt_id, outcome=outcome))


def _payment(row: dict[str, Any]) -> Payment:
    plain = {name: row[name] for name in _PLAIN}
    return Payment(
        amount=Money(row["amount"], Currency(row["currency"])),
        state=PaymentState(row["state"]),
        fingerprint=row["fingerprint"],
        **plain,
    )
