"""What the lab shows beside its buttons: a payment with all of it, the wallet, the house. Reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick import caretaker, db, ids, ledger, payments, webhooks
from tallystick.caretaker import Answer, CaretakerError, Order
from tallystick.db import Connection
from tallystick.ledger import Transfer
from tallystick.money import Money
from tallystick.payments import File, Payment, PaymentState
from tallystick.payments import PaymentState as S
from tallystick.resilience import BreakerState
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.lab.bench import Bench
from tallystick.web.lab.books import Verdict, verdict
from tallystick.web.lab.simulated import Simulated, SimulatorAway
from tallystick.webhooks import Kept

__all__ = ["Lamp", "Moved", "Seen", "look"]

_EVENTS_MAX: Final = 12
_TONES: Final = {
    S.SUBMITTED: "act",
    S.SETTLED: "good",
    S.FAILED: "bad",
    S.REVIEW: "bad",
    S.EXPIRED: "calm",
    S.CANCELLED: "calm",
    S.DECLINED: "bad",
}
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Moved:
    """One transfer of a payment, as the wallet has it."""

    kind: str
    at: datetime
    #: What it changed in what may be spent; None where that was not touched.
    change: Money | None
    balance: Money | None
    amount: Money


@dataclass(frozen=True, slots=True)
class Lamp:
    """A part of the house, and how it is."""

    name: str
    said: str
    tone: str


@dataclass(frozen=True, slots=True)
class Seen:
    """All that the live part of the page shows."""

    now: datetime
    wallet: Wallet
    file: File | None
    events: Sequence[Kept]
    moved: Sequence[Moved]
    verdict: Verdict
    lamps: Sequence[Lamp]

    @property
    def state(self) -> str:
        """Return the payment's state in a word or two."""
        assert self.file is not None
        payment = self.file.payment
        if payment.state is PaymentState.CREATED:
            told = [step.note for step in self.file.steps if step.note]
            return "queued" if told else "starting"
        return payment.state.value

    @property
    def tone(self) -> str:
        """Return how the state is coloured."""
        return "wait" if self.file is None else _TONES.get(self.file.payment.state, "wait")


def look(bench: Bench) -> Seen:
    """Return what there is to see; raise NothingThere without a wallet."""
    wallet = bench.wallet()
    shown = bench.find()
    lamps = [*_house(bench), *_provider(bench.simulator)]
    with heart() as conn:
        found = (
            None if shown is None else payments.file(conn, payment_id=shown.id, owner=bench.owner)
        )
        return Seen(
            now=db.now(conn),
            wallet=wallet,
            file=found,
            events=_events(conn, found),
            moved=_moved(conn, wallet, found),
            verdict=verdict(conn),
            lamps=[*lamps, _inbox(conn)],
        )


def _events(conn: Connection, found: File | None) -> list[Kept]:
    if found is None:
        return []
    payment = found.payment
    named = [payment.reference, payment.collected_reference]
    named += [one.reference for one in found.refunds]
    named += [one.reference for one in found.disputes]
    texts = [ids.show("pay", payment.id), *(one for one in named if one)]
    return webhooks.mentions(conn, texts=texts)[:_EVENTS_MAX]


def _moved(conn: Connection, wallet: Wallet, found: File | None) -> list[Moved]:
    """Return the transfers of all postings of a payment, first to last."""
    if found is None:
        return []
    posted: list[UUID | None] = [found.payment.posting_id]
    for refund in found.refunds:
        posted += [refund.held_posting_id, refund.posting_id, refund.released_posting_id]
    for dispute in found.disputes:
        posted += [dispute.withdrawn_posting_id, dispute.reinstated_posting_id]
    posted += [money.posting_id for money in found.collections]
    posted += [news.posting_id for news in found.news]
    known = dict.fromkeys(one for one in posted if one)
    transfers = [one for key in known for one in ledger.transfers(conn, posting_id=key)]
    moved = [_as_moved(one, wallet, found.payment) for one in transfers]
    return sorted(moved, key=lambda one: one.at)


def _as_moved(transfer: Transfer, wallet: Wallet, payment: Payment) -> Moved:
    currency = payment.amount.currency
    change = balance = None
    if transfer.credit_id == wallet.available_id:
        change, balance = transfer.amount, transfer.credit_balance
    elif transfer.debit_id == wallet.available_id:
        change, balance = -transfer.amount, transfer.debit_balance
    return Moved(
        kind=transfer.kind.replace("_", " "),
        at=transfer.created_at,
        change=None if change is None else Money(change, currency),
        balance=None if balance is None else Money(balance, currency),
        amount=Money(transfer.amount, currency),
    )


def _house(bench: Bench) -> list[Lamp]:
    try:
        told = caretaker.ask(bench.caretaker, Order.LOOK)
    except CaretakerError as trouble:
        return [Lamp("Workers", str(trouble), "bad")]
    return [_workers(told), _cache(told), _breakers()]


def _workers(told: Answer) -> Lamp:
    names = {one.name for one in told.workers}
    said = " · ".join(f"{one.name} {one.pid}" for one in told.workers)
    return Lamp("Workers", said or "none", "good" if "money" in names else "bad")


def _cache(told: Answer) -> Lamp:
    if told.is_cache_up is None:
        return Lamp("Redis", "your own", "calm")
    return Lamp("Redis", "up", "good") if told.is_cache_up else Lamp("Redis", "stopped", "bad")


def _breakers() -> Lamp:
    views = house().breakers.fleet_views()
    if views is None:
        return Lamp("Breakers", "in each process, while Redis is away", "wait")
    tripped = [
        f"{one.name} {one.state.value.replace('_', ' ')}"
        for one in views
        if one.state is not BreakerState.CLOSED
    ]
    return Lamp("Breakers", " · ".join(tripped) or "closed", "bad" if tripped else "good")


def _provider(simulator: Simulated) -> list[Lamp]:
    try:
        health, ahead_s = simulator.look("health"), simulator.look("clock")["ahead_s"]
        waiting = [str(one["what"]) for one in simulator.look("next")["waiting"]]
    except SimulatorAway as trouble:
        return [Lamp("Simulator", str(trouble), "bad")]
    said = [*(["down"] if health["is_out"] else ["up"])]
    said += [f"next: {one.replace('_', ' ')}" for one in waiting[:3]]
    owed = health["webhooks"]["owed"]
    said += [f"{owed} webhooks owed"] if owed else []
    tone = "bad" if health["is_out"] else "wait" if waiting or owed else "good"
    days = ahead_s // _DAY_S
    clock = Lamp("Clock", f"{days} days ahead" if days else "today", "wait" if days else "good")
    return [Lamp("Provider", " · ".join(said), tone), clock]


def _inbox(conn: Connection) -> Lamp:
    waiting = webhooks.count_by_state(conn).get("received", 0)
    return Lamp(
        "Inbox", f"{waiting} waiting" if waiting else "empty", "wait" if waiting else "good"
    )
