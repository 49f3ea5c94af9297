"""What booking needs to know of a batch: whose money it is, and where it lies.

It writes what was planned, and decides nothing but what is not a payment's.
"""

from __future__ import annotations

from collections.abc import Collection as Container
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from tallystick import chart, ids, ledger, wallets
from tallystick.db import Connection
from tallystick.ledger import AccountPlan, Deed, Move, Part
from tallystick.money import Currency
from tallystick.payments import store
from tallystick.payments.errors import FactEarly
from tallystick.payments.facts import incoming
from tallystick.payments.facts.model import Booked, Effects, Places, Plan
from tallystick.payments.model import Change, News, NewsKind, Payment, Review, Standing
from tallystick.payments.provider import (
    DisputeReported,
    Fact,
    Paid,
    RefundReported,
    RefundStatus,
)
from tallystick.wallets import Wallet

__all__ = ["Desk", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a fact is about."""

    #: None where no payment here is known.
    payment_id: UUID | None
    #: Whether the money waits in suspense.
    is_suspended: bool = False


@dataclass(frozen=True)
class Desk:
    """Where a batch is booked; `now` is our clock."""

    conn: Connection
    provider: str
    now: datetime
    wallets: dict[UUID, Wallet] = field(default_factory=dict)
    accounts: dict[AccountPlan, UUID] = field(default_factory=dict)
    #: What was locked, as it stood then: this transaction has it until it ends.
    standings: dict[UUID, Standing] = field(default_factory=dict)

    def collected(self, references: Container[str]) -> dict[str, Subject]:
        """Return by the provider's id of the money whose it is, where that is known."""
        if not references:
            return {}
        named = sorted(references)
        found = store.collected(self.conn, provider=self.provider, references=named)
        subjects = {
            reference: Subject(one.payment_id, one.is_suspended) for reference, one in found.items()
        }
        missing = [reference for reference in named if reference not in subjects]
        if missing:
            before = store.collected_before(self.conn, provider=self.provider, references=missing)
            subjects |= {reference: Subject(identity) for reference, identity in before.items()}
        return subjects

    def lock(self, payment_ids: Sequence[UUID]) -> dict[UUID, Standing]:
        """Lock those payments of this provider that exist, and learn their wallets."""
        if not payment_ids:
            return {}
        found = store.lock(self.conn, sorted(set(payment_ids)))
        ours = {key: one for key, one in found.items() if one.payment.provider == self.provider}
        self.standings.update(ours)
        wanted = sorted({one.payment.wallet_id for one in ours.values()})
        if wanted:
            self.wallets.update(wallets.of_ids(self.conn, wallet_ids=wanted))
        return ours

    def places(self, payment: Payment, fact: Fact | None, subject: Subject) -> Places:
        """Return the accounts that a fact's money moves between.

        Suspense stands for the wallet where the money is there, or in another currency.
        """
        wallet = self.wallets[payment.wallet_id]
        currency = payment.amount.currency
        if isinstance(fact, Paid | RefundReported | DisputeReported):
            currency = fact.amount.currency
        outside = self._outside(currency)
        if currency != payment.amount.currency or subject.is_suspended:
            return outside
        # Only what takes money out of a wallet may find it uncovered.
        may_claim = isinstance(fact, RefundReported | DisputeReported)
        beyond = [chart.wallet_receivable(wallet.id, currency)] if may_claim else []
        return replace(
            outside,
            available=wallet.available_id,
            held=wallet.held_id,
            receivable=next(iter(self._accounts(beyond)), None),
        )

    def deed(
        self,
        moves: tuple[Move, ...],
        *,
        cause: str,
        occurred_at: datetime,
        parts: tuple[Part, ...] = (),
    ) -> Deed:
        """Return the deed of this provider's that makes the moves."""
        return Deed(
            id=ids.new(),
            kind=moves[0].kind,
            actor=f"provider:{self.provider}",
            request_id=cause,
            occurred_at=occurred_at,
            moves=moves,
            parts=parts,
        )

    def write(self, effects: Sequence[Effects]) -> None:
        """Write what follows from deeds, states and money of all of them at once.

        Raises FactEarly where another transaction has kept the same money meanwhile.
        """
        kept = [one.collection for one in effects if one.collection is not None]
        if not store.insert_collections(self.conn, kept):
            raise FactEarly("This money is kept already: look again.")
        changes: list[Change] = [change for one in effects for change in one.changes]
        if changes:
            store.write(self.conn, changes)
        for one in effects:
            if one.refund is not None:
                store.insert_refund(self.conn, one.refund)
            if one.dispute is not None:
                store.write_dispute(self.conn, one.dispute)
            if one.news is not None and not store.insert_news(self.conn, one.news):
                raise FactEarly("This is kept already: look again.")
            if one.review is not None:
                store.open_review(self.conn, one.review)

    def book_unclaimed(
        self, fact: Paid | RefundReported | DisputeReported, *, cause: str
    ) -> Booked | FactEarly:
        """Book money that belongs to no payment here, or what takes it back, once.

        The row is kept first: who finds it kept has booked it.
        """
        if isinstance(fact, DisputeReported):
            return FactEarly("A dispute of money that nobody claims: say first whose it is.")
        plan = self._unclaimed(fact)
        if plan is None:
            return Booked(is_new=False)
        deed = self.deed(plan.moves, cause=cause, occurred_at=fact.occurred_at)
        effects = plan.effects(deed.id, self.now)
        if effects.collection is not None:
            is_new = store.insert_collections(self.conn, [effects.collection])
        else:
            assert effects.news is not None, "it is kept as one or the other"
            is_new = store.insert_news(self.conn, effects.news)
        if is_new:
            ledger.post(self.conn, deed)
            self.write([replace(effects, collection=None, news=None)])
        return Booked(is_new)

    def _unclaimed(self, fact: Paid | RefundReported) -> Plan | None:
        places = self._outside(fact.amount.currency)
        if isinstance(fact, Paid):
            return incoming.unclaimed(fact, self.provider, places)
        if fact.status is not RefundStatus.SUCCEEDED:
            return None
        kind = NewsKind.REFUND_UNCLAIMED
        words = f"{fact.amount} that nobody claimed was refunded at the provider."

        def effects(posting: UUID, at: datetime) -> Effects:
            told = News(
                ids.new(),
                None,
                self.provider,
                kind,
                fact.reference,
                fact.amount,
                posting,
                fact.occurred_at,
                at,
            )
            subject = f"{self.provider}:{fact.reference}"
            asked = Review(ids.new(), kind, subject, None, self.provider, words, at)
            return Effects(news=told, review=asked)

        return Plan(effects, (Move(places.suspense, places.clearing, fact.amount, "suspense"),))

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
