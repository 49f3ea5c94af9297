"""Books what providers report, many facts in one transaction: each once, in whatever order.

The answer to our call, a webhook and the janitor's question all end here, so that the three at
once settle once. It calls nobody and never commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from tallystick import ids, ledger
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.ids import IdMalformed
from tallystick.ledger import LedgerError, Posted, Refused
from tallystick.payments import store
from tallystick.payments.errors import FactEarly
from tallystick.payments.facts import dispute, incoming, refund
from tallystick.payments.facts.desk import Desk, Subject
from tallystick.payments.facts.model import (
    NOTHING,
    Booked,
    MustAsk,
    Plan,
    Report,
    Result,
    Scene,
    Separately,
    Stranger,
)
from tallystick.payments.model import PaymentState, Standing
from tallystick.payments.provider import (
    Declined,
    DisputeReported,
    Expired,
    Fact,
    Paid,
    RefundReported,
)

__all__ = ["book", "end_refund"]

#: The place of payments in the house's lock order, among state rows.
_RANK: Final = 220
#: How long a fact about something that is not here is thought to be early.
_EARLY: Final = timedelta(seconds=60)


def book(
    conn: Connection, reports: Sequence[Report], *, provider: str, now: datetime
) -> list[Result]:
    """Book the facts and return what became of each, in their order.

    FactEarly where one is about something that may yet come: it is to be tried again. Locks all
    payments that are named, then accounts. Raises Separately where one of several must be alone.
    """
    desk = Desk(conn, provider, now)
    subjects = _subjects(desk, reports)
    standings = desk.lock([one.payment_id for one in subjects if one.payment_id is not None])
    results: list[Result] = [Booked()] * len(reports)
    waiting: dict[int, _Intent] = {}
    moving: set[UUID] = set()
    later: list[int] = []
    for place, (report, subject) in enumerate(zip(reports, subjects, strict=True)):
        standing = standings.get(subject.payment_id) if subject.payment_id else None
        if standing is None:
            results[place] = _stranger(desk, report, subject, is_alone=len(reports) == 1)
            continue
        if standing.payment.id in moving:
            # It is planned by how the fact before it leaves the payment.
            later.append(place)
            continue
        places = desk.places(standing.payment, report.fact, subject)
        scene = Scene(standing, places, is_confirmed=report.is_confirmed)
        intent = _Intent.of(report, scene, partial(_plan, fact=report.fact))
        if intent.plan.must_ask:
            results[place] = _question(scene, report.fact)
        elif intent.plan is NOTHING:
            results[place] = Booked(is_new=False)
        else:
            moving.add(standing.payment.id)
            waiting[place] = intent
    for place, result in zip(waiting, _post(desk, list(waiting.values())), strict=True):
        results[place] = result
    if later:
        rest = [reports[place] for place in later]
        again = book(conn, rest, provider=provider, now=now)
        for place, result in zip(later, again, strict=True):
            results[place] = result
    return results


def end_refund(
    conn: Connection,
    *,
    payment_id: UUID,
    refund_id: UUID,
    after: PaymentState,
    code: str,
    sentence: str,
    cause: str,
    now: datetime,
) -> None:
    """Give held money back where a refund of ours will never be made.

    Where the wallet is closed to that, a person is asked. Locks the payment, then accounts.
    Raises MoveForbidden.
    """
    [payment] = store.read(conn, "by_id", id=payment_id)
    desk = Desk(conn, payment.provider, now)
    standing = desk.lock([payment_id])[payment_id]
    ended = partial(
        refund.release,
        refund=standing.refunds[refund_id],
        after=after,
        code=code,
        sentence=sentence,
    )
    scene = Scene(standing, desk.places(standing.payment, None, Subject(payment_id)))
    [result] = _post(desk, [_Intent(cause, now, scene, ended(scene), ended)])
    if isinstance(result, TallystickError):
        raise result


def _plan(scene: Scene, fact: Fact) -> Plan:
    match fact:
        case Paid():
            return incoming.paid(scene, fact)
        case Declined():
            return incoming.declined(scene, fact)
        case Expired():
            return incoming.expired(scene)
        case RefundReported():
            return refund.reported(scene, fact)
        case DisputeReported():
            return dispute.reported(scene, fact)


def _subjects(desk: Desk, reports: Sequence[Report]) -> list[Subject]:
    """Return what each fact is about: named by us, or by the provider's id of the money."""
    collected = desk.collected(
        {
            report.fact.collected_reference
            for report in reports
            if isinstance(report.fact, RefundReported | DisputeReported)
        }
    )
    return [_subject(report, collected) for report in reports]


def _subject(report: Report, collected: Mapping[str, Subject]) -> Subject:
    fact = report.fact
    if isinstance(fact, RefundReported | DisputeReported):
        known = collected.get(fact.collected_reference, Subject(None))
        return known if known.payment_id else replace(known, payment_id=report.payment_id)
    with suppress(IdMalformed):
        return Subject(ids.read("pay", fact.payment_id))
    return Subject(None)


def _question(scene: Scene, fact: Fact) -> MustAsk:
    if isinstance(fact, Paid):
        # The fact's own session, which need not be the one that we made.
        return MustAsk(scene.payment.id, reference=fact.reference)
    if not isinstance(fact, RefundReported):
        return MustAsk(scene.payment.id)
    known = refund.named(scene, fact)
    return MustAsk(scene.payment.id, None if known is None else known.id)


def _stranger(desk: Desk, report: Report, subject: Subject, *, is_alone: bool) -> Result:
    """Return what becomes of a fact about a payment that is not here.

    It may be early for a minute. Then money with our reference goes to suspense, and what takes
    such money back takes it from there.
    """
    if desk.now - report.received_at < _EARLY:
        return FactEarly("What this is about is not here yet.")
    fact = report.fact
    if isinstance(fact, Declined | Expired):
        return Stranger(None)
    if not isinstance(fact, Paid) and not subject.is_suspended:
        return Stranger(fact.collected_reference)
    if not is_alone:
        raise Separately("Money without a payment is booked by itself.")
    return desk.book_unclaimed(fact, cause=report.cause)


@dataclass(frozen=True, slots=True)
class _Intent:
    """A plan, with what it was planned for."""

    cause: str
    occurred_at: datetime
    scene: Scene
    plan: Plan
    #: Plans again where the wallet is closed to the first one.
    replan: Callable[[Scene], Plan]

    @classmethod
    def of(cls, report: Report, scene: Scene, replan: Callable[[Scene], Plan]) -> _Intent:
        return cls(report.cause, report.fact.occurred_at, scene, replan(scene), replan)

    @property
    def closed(self) -> _Intent:
        scene = replace(self.scene, places=self.scene.places.closed, is_closed=True)
        return replace(self, scene=scene, plan=self.replan(scene))


def _post(desk: Desk, intents: Sequence[_Intent]) -> list[Result]:
    """Do what is planned; what the wallet refuses is planned again without it."""
    outcomes = _execute(desk, intents)
    closed = {
        place: intents[place].closed
        for place, outcome in enumerate(outcomes)
        if isinstance(outcome, LedgerError)
    }
    for place, outcome in zip(closed, _execute(desk, list(closed.values())), strict=True):
        outcomes[place] = outcome
    return outcomes


def _execute(desk: Desk, intents: Sequence[_Intent]) -> list[Result]:
    """Do the deeds at once, and write what moves no money."""
    still = [one for one in intents if not one.plan.moves]
    desk.write([one.plan.effects(ids.new(), desk.now) for one in still])
    moving = [one for one in intents if one.plan.moves]
    deeds = [
        desk.deed(
            one.plan.moves,
            cause=one.cause,
            occurred_at=one.occurred_at,
            parts=(_Booking(desk, one),),
        )
        for one in moving
    ]
    done = iter(ledger.execute(desk.conn, deeds) if deeds else [])
    return [_result(next(done)) if one.plan.moves else Booked() for one in intents]


def _result(outcome: ledger.Outcome) -> Result:
    return outcome.error if isinstance(outcome, Refused) else Booked()


@dataclass(frozen=True)
class _Booking:
    """The part of a fact's deed that moves its payment."""

    desk: Desk
    intent: _Intent
    rank: int = _RANK

    @property
    def keys(self) -> tuple[UUID, ...]:
        return (self.intent.scene.payment.id,)

    def lock(
        self,
        conn: Connection,  # noqa: ARG002 - the desk's own
        keys: tuple[UUID, ...],
    ) -> Mapping[UUID, Standing]:
        """Return what the desk has locked in this transaction, before any account."""
        return {key: self.desk.standings[key] for key in keys}

    def decide(
        self,
        rows: Mapping[UUID, Standing],
        now: datetime,  # noqa: ARG002 - the protocol's; the plan has its time from the posting
    ) -> Mapping[UUID, Standing]:
        """Change no row: a payment has one fact of a batch, planned under the same lock."""
        assert self.intent.scene.payment.id in rows, "it is locked since it was planned"
        return {}

    def write(
        self,
        conn: Connection,  # noqa: ARG002 - the desk's own
        rows: Mapping[UUID, Standing],  # noqa: ARG002 - what is written was planned with them
        done: Sequence[tuple[_Booking, Posted]],
    ) -> None:
        self.desk.write(
            [part.intent.plan.effects(posted.deed.id, posted.created_at) for part, posted in done]
        )
