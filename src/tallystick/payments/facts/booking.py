"""Books what providers report, many facts in one transaction: each once, in whatever order.

The answer to our call, a webhook and the janitor's question all end here, so that the three at
once settle once. It calls nobody and never commits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from tallystick import chart, ids, ledger, wallets
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.ids import IdMalformed
from tallystick.ledger import AccountPlan, Deed, LedgerError, Move, Posted, Refused
from tallystick.money import Currency
from tallystick.payments import store
from tallystick.payments.errors import FactEarly
from tallystick.payments.facts import collection, dispute, refund
from tallystick.payments.facts.model import (
    NOTHING,
    Booked,
    Effects,
    MustAsk,
    Places,
    Plan,
    Report,
    Result,
    Scene,
    Separately,
    Stranger,
)
from tallystick.payments.model import Change, Payment, PaymentState, Standing
from tallystick.payments.provider import (
    Declined,
    DisputeReported,
    Expired,
    Fact,
    Paid,
    RefundReported,
)
from tallystick.wallets import Wallet

__all__ = ["book", "end_refund"]

#: The place of payments in the house's lock order, among state rows.
_RANK: Final = 220
#: How long a fact about something that is not here is thought to be early.
_EARLY: Final = timedelta(seconds=60)


def book(
    conn: Connection,
    reports: Sequence[Report],
    *,
    provider: str,
    now: datetime,
    is_confirmed: bool = False,
) -> list[Result]:
    """Book the facts and return what became of each, in their order.

    FactEarly where one is about something that may yet come: it is to be tried again. Locks all
    payments that are named, then accounts. Raises Separately where one of several must be alone.
    """
    desk = _Desk(conn, provider, now)
    named = [_payment_of(report.fact) for report in reports]
    named = desk.find_collected(reports, named)
    standings = store.lock(conn, sorted({one for one in named if one is not None}))
    standings = {key: one for key, one in standings.items() if one.payment.provider == provider}
    desk.learn(standings.values())
    results: list[Result] = [Booked()] * len(reports)
    waiting: dict[int, _Intent] = {}
    taken: set[UUID] = set()
    later: list[int] = []
    for place, (report, identity) in enumerate(zip(reports, named, strict=True)):
        standing = standings.get(identity) if identity else None
        if standing is None:
            results[place] = desk.stranger(report, is_alone=len(reports) == 1)
            continue
        fact = report.fact
        places = desk.places(standing.payment, fact)
        scene = Scene(standing, places, is_confirmed=is_confirmed)
        plan = _plan(scene, fact)
        if plan.must_ask:
            results[place] = _question(scene, fact)
        elif plan.moves and standing.payment.id in taken:
            later.append(place)
        elif plan.moves:
            taken.add(standing.payment.id)
            waiting[place] = _Intent(
                report.cause, fact.occurred_at, scene, plan, partial(_plan, fact=fact)
            )
        elif plan is NOTHING:
            results[place] = Booked(is_new=False)
        else:
            desk.write([plan.effects(ids.new(), now)])
            standings[standing.payment.id] = store.lock(conn, [standing.payment.id])[
                standing.payment.id
            ]
    for place, result in zip(waiting, desk.post(list(waiting.values())), strict=True):
        results[place] = result
    if later:
        # What one payment is told several times is planned again by how the first left it.
        rest = [reports[place] for place in later]
        again = book(conn, rest, provider=provider, now=now, is_confirmed=is_confirmed)
        for place, result in zip(later, again, strict=True):
            results[place] = result
    return results


def end_refund(
    conn: Connection,
    *,
    standing: Standing,
    refund_id: UUID,
    after: PaymentState,
    code: str,
    sentence: str,
    cause: str,
    now: datetime,
) -> None:
    """Give held money back where a refund of ours will never be made; its payment is locked.

    Raises MoveForbidden.
    """
    desk = _Desk(conn, standing.payment.provider, now)
    desk.learn([standing])
    ended = partial(
        refund.release,
        refund=standing.refunds[refund_id],
        after=after,
        code=code,
        sentence=sentence,
    )
    scene = Scene(standing, desk.places(standing.payment, None))
    [result] = desk.post([_Intent(cause, now, scene, ended(scene), ended)])
    if isinstance(result, TallystickError):
        raise result


def _plan(scene: Scene, fact: Fact) -> Plan:
    match fact:
        case Paid():
            return collection.paid(scene, fact)
        case Declined():
            return collection.declined(scene, fact)
        case Expired():
            return collection.expired(scene)
        case RefundReported():
            return refund.reported(scene, fact)
        case DisputeReported():
            return dispute.reported(scene, fact)


def _payment_of(fact: Fact) -> UUID | None:
    """Return the payment that a fact names by our own id, if it names one."""
    if isinstance(fact, RefundReported | DisputeReported):
        return None
    with suppress(IdMalformed):
        return ids.read("pay", fact.payment_id)
    return None


def _question(scene: Scene, fact: Fact) -> MustAsk:
    if not isinstance(fact, RefundReported):
        return MustAsk(scene.payment.id)
    known = next(
        (
            one
            for one in scene.standing.refunds.values()
            if ids.show("ref", one.id) == fact.refund_id or one.reference == fact.reference
        ),
        None,
    )
    return MustAsk(scene.payment.id, known.id if known else None)


@dataclass(frozen=True, slots=True)
class _Intent:
    """A plan that moves money, with what it was planned for."""

    cause: str
    occurred_at: datetime
    scene: Scene
    plan: Plan
    #: Plans again where the wallet is closed to the first one.
    replan: Callable[[Scene], Plan]


@dataclass(frozen=True)
class _Booking:
    """The part of a fact's deed that moves its payment."""

    desk: _Desk
    intent: _Intent
    rank: int = _RANK

    @property
    def keys(self) -> tuple[UUID, ...]:
        return (self.intent.scene.payment.id,)

    def lock(self, conn: Connection, keys: tuple[UUID, ...]) -> Mapping[UUID, Standing]:
        return store.lock(conn, keys)

    def decide(
        self,
        rows: Mapping[UUID, Standing | None],
        now: datetime,  # noqa: ARG002 - the protocol's; the plan has its time from the posting
    ) -> Mapping[UUID, Standing | None]:
        payment_id = self.intent.scene.payment.id
        if rows[payment_id] != self.intent.scene.standing:
            raise FactEarly("Another fact has just moved this payment: it comes again.")
        # What it is after this deed is not planned with: the next fact of it comes again.
        return {payment_id: None}

    def write(
        self,
        conn: Connection,  # noqa: ARG002 - the desk's own
        rows: Mapping[UUID, Standing],  # noqa: ARG002 - what is written was planned with them
        done: Sequence[tuple[_Booking, Posted]],
    ) -> None:
        self.desk.write(
            [part.intent.plan.effects(posted.deed.id, posted.created_at) for part, posted in done]
        )


@dataclass(frozen=True)
class _Desk:
    """What booking a batch of one provider's facts needs to know."""

    conn: Connection
    provider: str
    now: datetime
    wallets: dict[UUID, Wallet] = field(default_factory=dict)
    accounts: dict[AccountPlan, UUID] = field(default_factory=dict)

    def find_collected(
        self, reports: Sequence[Report], named: Sequence[UUID | None]
    ) -> list[UUID | None]:
        """Return whose payments the facts are about, those found by the provider's ids as well."""
        references = {
            report.fact.collected_reference
            for report in reports
            if isinstance(report.fact, RefundReported | DisputeReported)
        }
        if not references:
            return list(named)
        owners = store.owners_of(self.conn, provider=self.provider, references=sorted(references))
        return [
            owners.get(report.fact.collected_reference)
            if isinstance(report.fact, RefundReported | DisputeReported)
            else identity
            for report, identity in zip(reports, named, strict=True)
        ]

    def learn(self, standings: Iterable[Standing]) -> None:
        """Read the wallets of the payments."""
        wanted = {one.payment.wallet_id for one in standings}
        if wanted:
            self.wallets.update(wallets.of_ids(self.conn, wallet_ids=sorted(wanted)))

    def places(self, payment: Payment, fact: Fact | None) -> Places:
        """Return the accounts that a fact's money moves between; no wallet's in its currency."""
        wallet = self.wallets[payment.wallet_id]
        currency = payment.amount.currency
        if isinstance(fact, Paid | RefundReported | DisputeReported):
            currency = fact.amount.currency
        if currency != payment.amount.currency:
            return self._outside(currency)
        # Only what takes money out of a wallet may find it uncovered.
        may_claim = isinstance(fact, RefundReported | DisputeReported)
        beyond = [chart.wallet_receivable(wallet.id, currency)] if may_claim else []
        return replace(
            self._outside(currency),
            available=wallet.available_id,
            held=wallet.held_id,
            receivable=next(iter(self._accounts(beyond)), None),
        )

    def stranger(self, report: Report, *, is_alone: bool) -> Result:
        """Return what becomes of a fact about money that no payment here is known to have brought.

        It may be early for a minute. Then money with our reference goes to suspense.
        """
        if self.now - report.received_at < _EARLY:
            return FactEarly("What this is about is not here yet.")
        match report.fact:
            case (
                RefundReported(collected_reference=reference)
                | DisputeReported(collected_reference=reference)
            ):
                return Stranger(reference)
            case Paid() as fact:
                if not is_alone:
                    raise Separately("Money without a payment is booked by itself.")
                return self._unclaimed(report, fact)
        return Stranger(None)

    def post(self, intents: Sequence[_Intent]) -> list[Result]:
        """Do the deeds at once; those that the wallet refuses go to suspense in a second round."""
        outcomes = self._execute(intents)
        closed = {
            place: self._closed(intents[place])
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, LedgerError)
        }
        again = self._execute(list(closed.values()))
        for place, outcome in zip(closed, again, strict=True):
            outcomes[place] = outcome
        return outcomes

    def write(self, effects: Sequence[Effects]) -> None:
        """Write what follows from deeds, states of all of them at once."""
        changes: list[Change] = [change for one in effects for change in one.changes]
        if changes:
            store.write(self.conn, changes)
        for one in effects:
            if one.refund is not None:
                store.insert_refund(self.conn, one.refund)
            if one.dispute is not None:
                store.write_dispute(self.conn, one.dispute)
            if one.news is not None:
                store.insert_news(self.conn, one.news)
            if one.review is not None:
                store.open_review(self.conn, one.review)

    def _execute(self, intents: Sequence[_Intent]) -> list[Result]:
        if not intents:
            return []
        deeds = [
            self._deed(
                one.plan.moves,
                cause=one.cause,
                occurred_at=one.occurred_at,
                parts=(_Booking(self, one),),
            )
            for one in intents
        ]
        return [
            outcome.error if isinstance(outcome, Refused) else Booked()
            for outcome in ledger.execute(self.conn, deeds)
        ]

    def _deed(
        self,
        moves: tuple[Move, ...],
        *,
        cause: str,
        occurred_at: datetime,
        parts: tuple[_Booking, ...] = (),
    ) -> Deed:
        return Deed(
            id=ids.new(),
            kind=moves[0].kind,
            actor=f"provider:{self.provider}",
            request_id=cause,
            occurred_at=occurred_at,
            moves=moves,
            parts=parts,
        )

    def _closed(self, intent: _Intent) -> _Intent:
        scene = replace(intent.scene, places=intent.scene.places.closed, is_closed=True)
        return replace(intent, scene=scene, plan=intent.replan(scene))

    def _unclaimed(self, report: Report, fact: Paid) -> Result:
        plan = collection.unclaimed(fact, self.provider, self._outside(fact.amount.currency))
        deed = self._deed(plan.moves, cause=report.cause, occurred_at=fact.occurred_at)
        effects = plan.effects(deed.id, self.now)
        assert effects.news is not None, "unclaimed money is news"
        # Kept first: who finds it kept has booked it.
        is_new = store.insert_news(self.conn, effects.news)
        if is_new:
            ledger.post(self.conn, deed)
            self.write([replace(effects, news=None)])
        return Booked(is_new)

    def _outside(self, currency: Currency) -> Places:
        """Return the accounts that are no wallet's; those of the wallet are still suspense."""
        clearing, suspense, fees = self._accounts(
            [
                chart.clearing(self.provider, currency),
                chart.suspense(self.provider, currency),
                chart.loss("fees", currency),
            ]
        )
        return Places(clearing, suspense, suspense, None, suspense, fees)

    def _accounts(self, plans: Sequence[AccountPlan]) -> list[UUID]:
        missing = [plan for plan in plans if plan not in self.accounts]
        if missing:
            found = ledger.open_accounts(self.conn, missing)
            self.accounts.update(zip(missing, found, strict=True))
        return [self.accounts[plan] for plan in plans]
