"""Background work of payments: calls to providers, and what the janitor asks them.

Record, call, record: no transaction is open during a call, only the run that opened the attempt
makes it, and each call goes through the breaker of its operation. What may wait waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Protocol, TypeVar
from uuid import UUID

import structlog

from tallystick import db, jobs
from tallystick.db import Connection, Pool
from tallystick.errors import TallystickError
from tallystick.payments import facts, operations, rules, store
from tallystick.payments.facts import Booked, MustAsk, Report
from tallystick.payments.model import Crossing, Names, Payment, PaymentState, Refund
from tallystick.payments.operations import Begun
from tallystick.payments.provider import (
    Accepted,
    CallRefused,
    CallUnknown,
    Fact,
    Operation,
    Paid,
    Provider,
    RefundReported,
)
from tallystick.resilience import Admitted, BreakerOpen, Breakers, BulkheadFull

__all__ = [
    "LOOK",
    "LOOKS_MAX",
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
#: Payments that the janitor takes at once, and refunds.
LOOKS_MAX: Final = 100
#: What is being looked at comes back after so many seconds should its run die.
_LOOK_LEASE_S: Final = 60
#: Those who wait for a provider come back within so many seconds of each other, at last.
_SPREAD_S_MAX: Final = 60
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
    #: Draws a number of seconds from 0 to so many, to spread those who wait.
    spread: Callable[[int], int]

    def call(self, provider: str, operation: Operation, work: Callable[[], T]) -> T:
        """Do the work behind the operation's breaker; raise BreakerOpen or BulkheadFull."""
        with self.admit(provider, operation) as admitted:
            return admitted.call(work, is_failure=_is_unknown)

    def admit(self, provider: str, operation: Operation) -> AbstractContextManager[Admitted]:
        """Give leave for one call; raise BreakerOpen or BulkheadFull before the block begins."""
        return self.breakers.admit(f"{provider}.{operation}")


def _is_unknown(error: BaseException) -> bool:
    """Return whether a call failed: a refusal is the answer of a provider in good health."""
    return isinstance(error, CallUnknown)


def submit(caller: Caller, *, payment_id: str, provider: str = "", turn: int = 0) -> None:
    """Ask a provider to collect a payment, once, and record what came of it.

    `turn` counts how often it had to wait for its provider. Jobs of the last release name no
    provider: it is read.
    """
    names = UUID(payment_id), None
    if not provider:
        with caller.pool.transaction() as conn:
            provider = operations.locked(conn, names)[1].provider
    _send(caller, provider, names, Operation.COLLECT, turn=turn)


def refund(
    caller: Caller, *, refund_id: str, payment_id: str = "", provider: str = "", turn: int = 0
) -> None:
    """Ask a provider to refund, once, and record what came of it; the rest as in `submit`."""
    if not payment_id:
        with caller.pool.transaction() as conn:
            [found] = store.read_refunds(conn, "refund_by_id", id=UUID(refund_id))
        payment_id, provider = str(found.payment_id), found.provider
    names = UUID(payment_id), UUID(refund_id)
    _send(caller, provider, names, Operation.REFUND, turn=turn)


def _send(
    caller: Caller, provider_name: str, names: Names, operation: Operation, *, turn: int = 0
) -> None:
    """Call behind the breaker; where that is open, what has time left waits for it."""
    provider = caller.providers.get(provider_name)
    if provider is None:
        if not _is_late(caller, names):
            log.error("provider_not_joined", provider=provider_name, crossing=_told(names))
        return
    try:
        with caller.admit(provider.name, operation) as admitted:
            _run(caller, provider, names, admitted)
    except (BreakerOpen, BulkheadFull) as closed:
        _wait(caller, names, closed, turn=turn)


def _wait(caller: Caller, names: Names, closed: BreakerOpen | BulkheadFull, *, turn: int) -> None:
    """Let what could not be sent wait for its provider, or end it where its time is over."""
    if _is_late(caller, names):
        return
    # A full bulkhead is no news of the provider: only its people wait a moment longer.
    why = _WAITING if isinstance(closed, BreakerOpen) else ""
    delay_s = math.ceil(closed.retry_after_s) + caller.spread(min(2 ** min(turn, 6), _SPREAD_S_MAX))
    log.info("provider_call_postponed", crossing=_told(names), why=closed.code)
    with caller.pool.transaction() as conn:
        operations.postpone(conn, names, why=why, delay_s=delay_s, turn=turn + 1)


def _is_late(caller: Caller, names: Names) -> bool:
    """Return whether it waited in our queue for too long; it is ended then, and never sent."""
    with caller.pool.transaction() as conn:
        _, current, now = operations.locked(conn, names)
        if current.state is not PaymentState.CREATED or now < current.expires_at:
            return False
        note = "Nothing was sent in time."
        if isinstance(current, Payment):
            operations.move(conn, current, PaymentState.EXPIRED, now=now, note=note)
        else:
            facts.end_refund(
                conn,
                payment_id=current.payment_id,
                refund_id=current.id,
                after=PaymentState.EXPIRED,
                code="not_sent_in_time",
                sentence=note,
                cause=str(current.id),
                now=now,
            )
    return True


def _run(caller: Caller, provider: Provider, names: Names, admitted: Admitted) -> None:
    """Record, call, record."""
    pool = caller.pool
    with pool.transaction() as conn:
        begun = operations.begin(conn, names, capabilities=provider.capabilities)
    if begun is None:
        _is_late(caller, names)
        return
    try:
        answer = admitted.call(lambda: _call(provider, begun), is_failure=_is_unknown)
    except CallRefused as refusal:
        with pool.transaction() as conn:
            _record_refused(conn, begun, refusal)
    except CallUnknown as trouble:
        log.warning("provider_call_unknown", crossing=_told(names), trouble=str(trouble))
        with pool.transaction() as conn:
            operations.record_unknown(conn, begun.attempt, retry_after_s=trouble.retry_after_s)
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
        operations.record_accepted(conn, begun.attempt, answer, payment_id=begun.payment.id)
        return False
    now = db.now(conn)
    report = Report(answer, str(begun.attempt.id), now, payment_id=begun.payment.id)
    [result] = facts.book(conn, [report], provider=begun.payment.provider, now=now)
    if isinstance(result, TallystickError):
        raise result
    if isinstance(result, MustAsk):
        # What it answers is not what was asked for: how it stands, it is asked for itself.
        operations.record_unknown(conn, begun.attempt)
        return False
    store.end_attempt(conn, begun.attempt.id, outcome="answered")
    return isinstance(result, Booked) and result.is_new


def _record_refused(conn: Connection, begun: Begun, refusal: CallRefused) -> None:
    made = begun.refund
    if made is None:
        operations.record_refused(conn, begun.attempt, refusal)
        return
    _, current, now = operations.locked(conn, made.names)
    store.end_attempt(conn, begun.attempt.id, outcome="refused")
    if current.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        facts.end_refund(
            conn,
            payment_id=begun.payment.id,
            refund_id=made.id,
            after=PaymentState.FAILED,
            code=refusal.code,
            sentence=refusal.sentence,
            cause=str(begun.attempt.id),
            now=now,
        )


def janitor(pool: Pool) -> int:
    """Have looked at what waits for a provider's word and is due; return how much that was.

    Each is taken by one of the fleet and comes back by itself should that one die. Attempts that
    nobody will end any more are ended.
    """
    with pool.transaction() as conn:
        store.run(conn, "end_forgotten_attempts")
        store.run(conn, "watch_forgotten", now=db.now(conn))
    with pool.transaction() as conn:
        now = db.now(conn)
        payments = store.read(conn, "payments_to_look_at", now=now, most=LOOKS_MAX)
        refunds = store.read_refunds(conn, "refunds_to_look_at", now=now, most=LOOKS_MAX)
        back_at = now + timedelta(seconds=_LOOK_LEASE_S)
        store.look_later(conn, "look_later_payments", {one.id: back_at for one in payments})
        store.look_later(conn, "look_later_refunds", {one.id: back_at for one in refunds})
        due: list[Crossing] = [*payments, *refunds]
        for one in due:
            _look_soon(conn, *one.names)
    return len(payments) + len(refunds)


def look(
    caller: Caller, *, payment_id: str, refund_id: str | None = None, reference: str | None = None
) -> None:
    """Bring further what waits: send it, ask the provider how it stands, at last ask a person.

    `reference` is the provider's id of a session that news was about, to ask about that one.
    """
    names = UUID(payment_id), UUID(refund_id) if refund_id else None
    with caller.pool.transaction() as conn:
        payment, crossing, _ = operations.locked(conn, names)
    try:
        if crossing.state in _SENDABLE:
            is_refund = isinstance(crossing, Refund)
            operation = Operation.REFUND if is_refund else Operation.COLLECT
            _send(caller, crossing.provider, names, operation)
        provider = caller.providers.get(crossing.provider)
        if provider is not None:
            _look_up(caller, provider, payment, crossing, reference=reference)
    finally:
        _look_again(caller, names)


_SENDABLE: Final = frozenset({PaymentState.CREATED, PaymentState.SENDING, PaymentState.UNKNOWN})
_ASKABLE: Final = frozenset({PaymentState.SUBMITTED, PaymentState.UNKNOWN})


def _look_again(caller: Caller, names: Names) -> None:
    """Say when to look next at what still waits; ask a person where that was long enough."""
    with caller.pool.transaction() as conn:
        _, crossing, now = operations.locked(conn, names)
        is_over = crossing.state in _ASKABLE and rules.is_overdue(crossing, now)
        if is_over:
            operations.ask_a_person(conn, crossing, now=now)
        elif crossing.look_at is not None:
            operations.look_later(conn, crossing, rules.look_again(crossing, now))
    if is_over:
        caller.gauges.given_up(crossing.provider)


def _look_up(
    caller: Caller,
    provider: Provider,
    payment: Payment,
    before: Crossing,
    *,
    reference: str | None,
) -> None:
    """Ask the provider about what was sent; what it says then is confirmed."""
    with caller.pool.transaction() as conn:
        _, crossing, _ = operations.locked(conn, before.names)
    is_sent = crossing.state not in {PaymentState.CREATED, PaymentState.SENDING}
    if not is_sent or crossing.state is not before.state:
        # Nothing to ask about, or it has just moved: then it is looked at later.
        return

    def ask() -> Fact | Accepted | None:
        if isinstance(crossing, Payment):
            return provider.look_up(replace(crossing, reference=reference or crossing.reference))
        return provider.look_up_refund(crossing, payment)

    try:
        answer = caller.call(provider.name, Operation.LOOK_UP, ask)
    except (CallUnknown, BreakerOpen, BulkheadFull) as trouble:
        log.info("provider_look_postponed", crossing=str(crossing.id), trouble=str(trouble))
        return
    # Of a session that news told of, which may be another's, only that it is paid concerns us.
    if answer is None or (reference is not None and not isinstance(answer, Paid)):
        return
    with caller.pool.transaction() as conn:
        if isinstance(answer, Accepted):
            operations.record_accepted(conn, None, answer, payment_id=crossing.id)
            return
        now, named = db.now(conn), payment.id
        report = Report(answer, "janitor", now, is_confirmed=True, payment_id=named)
        [result] = facts.book(conn, [report], provider=provider.name, now=now)
        if isinstance(result, TallystickError):
            raise result
    is_new = isinstance(result, Booked) and result.is_new
    caller.gauges.booked(provider.name, "janitor", int(is_new))


def ask_later(conn: Connection, asked: MustAsk) -> None:
    """Have the provider asked about a fact that does not fit."""
    _look_soon(conn, asked.payment_id, asked.refund_id, reference=asked.reference)


def _look_soon(
    conn: Connection, payment_id: UUID, refund_id: UUID | None, *, reference: str | None = None
) -> None:
    arguments = {"payment_id": str(payment_id)}
    if refund_id is not None:
        arguments["refund_id"] = str(refund_id)
    if reference is not None:
        arguments["reference"] = reference
    # People wait for what is sent first; nobody waits for a look.
    jobs.enqueue(conn, name=LOOK, arguments=arguments, queue="money", priority=-10)


def _told(names: Names) -> str:
    """Return for the log which one is meant."""
    return str(names[1] or names[0])
