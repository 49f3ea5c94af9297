"""Background work of payments: calls to providers, and what the janitor asks them.

Record, call, record: no transaction is open during a call, only the run that opened the attempt
makes it, and each call goes through the breaker of its operation. What may wait waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import UUID

import structlog

from tallystick import db, jobs
from tallystick.db import Connection, Pool
from tallystick.payments import facts, operations, rules, store
from tallystick.payments.facts import Booked, MustAsk, Report
from tallystick.payments.model import Crossing, Payment, PaymentState, Refund
from tallystick.payments.operations import Begun
from tallystick.payments.provider import (
    Accepted,
    CallRefused,
    CallUnknown,
    Fact,
    Operation,
    Provider,
    RefundReported,
)
from tallystick.resilience import BreakerOpen, Breakers, BulkheadFull, Unused

__all__ = [
    "LOOK",
    "LOOK_CHANNEL",
    "Caller",
    "Gauges",
    "ask_later",
    "janitor",
    "look",
    "refund",
    "submit",
]

#: Wakes the janitor before its second is over (LISTEN).
LOOK_CHANNEL: Final = "tallystick_payment_look"
#: The job that asks a provider how something stands.
LOOK: Final = "payments.look"
_LOOKS_AT_ONCE: Final = 100
_WAITING: Final = "The provider cannot be reached; it is sent as soon as it can."

T = TypeVar("T")
log: Final = structlog.get_logger(__name__)


class Gauges(Protocol):
    """What payments tell of themselves; every call returns at once and raises nothing."""

    def booked(self, provider: str, by: str, facts: int) -> None:
        """Take how many facts were news to us, and what told them: reply, webhook or janitor."""

    def given_up(self, provider: str) -> None:
        """Take that a person was asked what became of something."""


@dataclass(frozen=True)
class Caller:
    """What a job needs to call providers: the database, the providers, their breakers."""

    pool: Pool
    providers: Mapping[str, Provider]
    breakers: Breakers
    gauges: Gauges

    def call(self, provider: str, operation: Operation, work: Callable[[], T]) -> T:
        """Do the work behind the operation's breaker; raise BreakerOpen or BulkheadFull."""
        name = f"{provider}.{operation}"
        return self.breakers.call(name, work, is_failure=_is_unknown)


def _is_unknown(error: BaseException) -> bool:
    """Return whether a call failed: a refusal is the answer of a provider in good health."""
    return isinstance(error, CallUnknown)


def submit(caller: Caller, *, payment_id: str) -> None:
    """Ask a provider to collect a payment, once, and record what came of it."""
    with caller.pool.transaction() as conn:
        [payment] = store.read(conn, "by_id", id=UUID(payment_id))
    _send(caller, payment, Operation.COLLECT)


def refund(caller: Caller, *, refund_id: str) -> None:
    """Ask a provider to refund, once, and record what came of it."""
    with caller.pool.transaction() as conn:
        [found] = store.read_refunds(conn, "refund_by_id", id=UUID(refund_id))
    _send(caller, found, Operation.REFUND)


def _send(caller: Caller, crossing: Crossing, operation: Operation) -> None:
    """Call behind the breaker; where that is open, what has time left waits for it."""
    provider = caller.providers.get(crossing.provider)
    if provider is None:
        raise jobs.GiveUp(f"No provider {crossing.provider!r} is joined: set its keys.")
    if _ended(caller, crossing):
        return
    try:
        caller.call(provider.name, operation, lambda: _run(caller, provider, crossing))
    except Unused:
        log.info("provider_call_unneeded", crossing=str(crossing.id))
    except CallUnknown as trouble:
        log.warning("provider_call_unknown", crossing=str(crossing.id), trouble=str(trouble))
    except (BreakerOpen, BulkheadFull) as closed:
        log.info("provider_call_postponed", crossing=str(crossing.id), why=closed.code)
        with caller.pool.transaction() as conn:
            operations.postpone(
                conn,
                crossing,
                why=_WAITING,
                delay_s=math.ceil(closed.retry_after_s),
                now=db.now(conn),
            )


def _ended(caller: Caller, crossing: Crossing) -> bool:
    """Expire what has waited in our queue for too long: nothing was sent, nothing will be."""
    with caller.pool.transaction() as conn:
        now = db.now(conn)
        standing, current = operations.locked(conn, *crossing.names)
        if current.state is not PaymentState.CREATED or now < current.expires_at:
            return False
        note = "Nothing was sent in time."
        if isinstance(current, Payment):
            operations.move(conn, current, PaymentState.EXPIRED, now=now, note=note)
        else:
            facts.end_refund(
                conn,
                standing=standing,
                refund_id=current.id,
                after=PaymentState.EXPIRED,
                code="not_sent_in_time",
                sentence=note,
                cause=str(current.id),
                now=now,
            )
    return True


def _run(caller: Caller, provider: Provider, crossing: Crossing) -> None:
    """Record, call, record. Raises CallUnknown once it is recorded, and Unused for no call."""
    pool = caller.pool
    with pool.transaction() as conn:
        begun = operations.begin(
            conn, crossing, capabilities=provider.capabilities, now=db.now(conn)
        )
    if begun is None:
        raise Unused
    try:
        answer = _call(provider, begun)
    except CallRefused as refusal:
        with pool.transaction() as conn:
            _record_refused(conn, begun, refusal)
    except CallUnknown as trouble:
        with pool.transaction() as conn:
            operations.record_unknown(
                conn, begun.attempt, now=db.now(conn), retry_after_s=trouble.retry_after_s
            )
        raise
    else:
        with pool.transaction() as conn:
            is_news = _record(conn, begun, answer)
        caller.gauges.booked(provider.name, "reply", int(is_news))


def _call(provider: Provider, begun: Begun) -> Accepted | RefundReported:
    if begun.refund is None:
        return provider.collect(begun.payment, attempt=begun.attempt)
    return provider.refund(begun.refund, begun.payment, attempt=begun.attempt)


def _record(conn: Connection, begun: Begun, answer: Accepted | RefundReported) -> bool:
    """Record what was answered, and return whether that is news in the books."""
    if isinstance(answer, Accepted):
        now = db.now(conn)
        operations.record_accepted(
            conn, begun.attempt, answer, payment_id=begun.payment.id, now=now
        )
        return False
    store.end_attempt(conn, begun.attempt.id, outcome="answered")
    return _book(conn, begun.payment.provider, answer, cause=str(begun.attempt.id))


def _record_refused(conn: Connection, begun: Begun, refusal: CallRefused) -> None:
    now, made = db.now(conn), begun.refund
    if made is None:
        operations.record_refused(conn, begun.attempt, refusal, now=now)
        return
    standing, current = operations.locked(conn, begun.payment.id, made.id)
    store.end_attempt(conn, begun.attempt.id, outcome="refused")
    if current.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        facts.end_refund(
            conn,
            standing=standing,
            refund_id=made.id,
            after=PaymentState.FAILED,
            code=refusal.code,
            sentence=refusal.sentence,
            cause=str(begun.attempt.id),
            now=now,
        )


def janitor(pool: Pool) -> int:
    """Have looked at what waits for a provider's word and is due; return how much that was.

    Each is looked at once by the fleet, and again later, whatever becomes of the look. Attempts
    that nobody will end any more are ended.
    """
    with pool.transaction() as conn:
        store.run(conn, "end_forgotten_attempts")
    with pool.transaction() as conn:
        now = db.now(conn)
        payments = store.read(conn, "payments_to_look_at", now=now, most=_LOOKS_AT_ONCE)
        refunds = store.read_refunds(conn, "refunds_to_look_at", now=now, most=_LOOKS_AT_ONCE)
        store.look_later(
            conn, "look_later_payments", {one.id: rules.look_again(one, now) for one in payments}
        )
        store.look_later(
            conn, "look_later_refunds", {one.id: rules.look_again(one, now) for one in refunds}
        )
        due: list[Crossing] = [*payments, *refunds]
        for one in due:
            _look_soon(conn, *one.names)
    return len(payments) + len(refunds)


def look(caller: Caller, *, payment_id: str, refund_id: str | None = None) -> None:
    """Bring further what waits: send it, ask the provider how it stands, at last ask a person."""
    with caller.pool.transaction() as conn:
        standing, crossing = operations.locked(
            conn, UUID(payment_id), UUID(refund_id) if refund_id else None
        )
    if crossing.state in _SENDABLE:
        is_refund = isinstance(crossing, Refund)
        _send(caller, crossing, Operation.REFUND if is_refund else Operation.COLLECT)
    provider = caller.providers.get(crossing.provider)
    if provider is not None:
        _look_up(caller, provider, standing.payment, crossing)
    with caller.pool.transaction() as conn:
        _, crossing = operations.locked(conn, *crossing.names)
        now = db.now(conn)
        if crossing.state not in _ASKABLE or not rules.is_overdue(crossing, now):
            return
        operations.ask_a_person(conn, crossing, now=now)
    caller.gauges.given_up(crossing.provider)


_SENDABLE: Final = frozenset({PaymentState.CREATED, PaymentState.SENDING, PaymentState.UNKNOWN})
_ASKABLE: Final = frozenset({PaymentState.SUBMITTED, PaymentState.UNKNOWN})


def _look_up(caller: Caller, provider: Provider, payment: Payment, before: Crossing) -> None:
    """Ask the provider about what was sent; what it says then is confirmed."""
    with caller.pool.transaction() as conn:
        _, crossing = operations.locked(conn, *before.names)
    is_sent = crossing.state not in {PaymentState.CREATED, PaymentState.SENDING}
    if not is_sent or crossing.state is not before.state:
        # Nothing to ask about, or it has just moved: then it is looked at later.
        return

    def ask() -> Fact | Accepted | None:
        if isinstance(crossing, Payment):
            return provider.look_up(crossing)
        return provider.look_up_refund(crossing, payment)

    try:
        answer = caller.call(provider.name, Operation.LOOK_UP, ask)
    except (CallUnknown, BreakerOpen, BulkheadFull) as trouble:
        log.info("provider_look_postponed", crossing=str(crossing.id), trouble=str(trouble))
        return
    if answer is None:
        return
    with caller.pool.transaction() as conn:
        if isinstance(answer, Accepted):
            operations.record_accepted(conn, None, answer, payment_id=crossing.id, now=db.now(conn))
            return
        is_news = _book(conn, provider.name, answer, cause="janitor", is_confirmed=True)
    caller.gauges.booked(provider.name, "janitor", int(is_news))


def _book(
    conn: Connection, provider: str, fact: Fact, *, cause: str, is_confirmed: bool = False
) -> bool:
    """Book one fact that a provider told us itself and return whether it was news; or raise."""
    now = db.now(conn)
    report = Report(fact, cause, now)
    [result] = facts.book(conn, [report], provider=provider, now=now, is_confirmed=is_confirmed)
    if isinstance(result, MustAsk):
        ask_later(conn, result)
    elif isinstance(result, Exception):
        raise result
    return isinstance(result, Booked) and result.is_new


def ask_later(conn: Connection, asked: MustAsk) -> None:
    """Have the provider asked about a fact that does not fit."""
    _look_soon(conn, asked.payment_id, asked.refund_id)


def _look_soon(conn: Connection, payment_id: UUID, refund_id: UUID | None) -> None:
    arguments = {"payment_id": str(payment_id)}
    if refund_id is not None:
        arguments["refund_id"] = str(refund_id)
    jobs.enqueue(conn, name=LOOK, arguments=arguments, queue="money")
