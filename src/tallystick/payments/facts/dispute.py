"""What follows from news about disputes: the bank takes money back, and may return it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tallystick import ids
from tallystick.ledger import Move
from tallystick.money import Money
from tallystick.payments.facts.model import NOTHING, Effects, Plan, Scene, refunded
from tallystick.payments.model import Dispute, DisputeState
from tallystick.payments.provider import DisputeReported

__all__ = ["reported"]


def reported(scene: Scene, fact: DisputeReported) -> Plan:
    """Return what a dispute does to the wallet: each way once, in whatever order news comes.

    It comes back to where it was taken from. What is decided stays decided. What the provider
    charges for it is our loss, not the wallet's.
    """
    known = scene.standing.disputes.get(fact.reference)
    before = known or _opened(scene, fact)
    takes = fact.is_withdrawn and before.withdrawn_posting_id is None
    returns = fact.is_reinstated and before.reinstated_posting_id is None
    state = fact.state if before.state is DisputeState.OPEN else before.state
    if known is not None and not takes and not returns and state is known.state:
        return NOTHING
    is_suspended = scene.is_suspended if takes else before.is_suspended
    places, amount = scene.places, fact.amount
    moves: list[Move] = []
    if takes:
        moves += [scene.claim(amount, "dispute")]
        moves += _fee(places.fees, places.clearing, fact.fee, "dispute_fee")
    if returns:
        moves += [scene.given_back(amount, "dispute_return", is_suspended=is_suspended)]
        moves += _fee(places.clearing, places.fees, fact.fee_returned, "dispute_fee_return")
    words = _words(fact, state, takes=takes, returns=returns)
    # What was never the wallet's is no part of what was given back of the payment.
    counted = Money(0, amount.currency) if is_suspended else amount

    def effects(posting: UUID, at: datetime) -> Effects:
        question = f"{words} Answer it at the provider, with evidence, or accept it."
        decided_at = before.closed_at or fact.occurred_at
        told = replace(
            before,
            state=state,
            withdrawn_posting_id=posting if takes else before.withdrawn_posting_id,
            reinstated_posting_id=posting if returns else before.reinstated_posting_id,
            closed_at=None if state is DisputeState.OPEN else decided_at,
            created_at=before.created_at if known else at,
            is_suspended=is_suspended,
        )
        asked = scene.review("dispute", fact.reference, question, at)
        if returns and scene.is_closed and not is_suspended:
            aside = f"{words} The wallet is closed, so it waits in suspense."
            asked = scene.review("dispute_unbookable", fact.reference, aside, at)
        return Effects(
            [refunded(scene.payment, counted, at, sign=takes - returns, note=words)],
            dispute=told,
            review=asked,
        )

    return Plan(effects, tuple(moves))


def _words(fact: DisputeReported, state: DisputeState, *, takes: bool, returns: bool) -> str:
    """Return what happened, for the payment's timeline."""
    amount, why = fact.amount, fact.reason[:60].replace("_", " ")
    if returns:
        return f"The payer's bank gave {amount} back."
    if takes:
        return f"The payer's bank took {amount} while it is disputed ({why})."
    return f"The payer's bank disputes {amount} ({why}): {state}."


def _opened(scene: Scene, fact: DisputeReported) -> Dispute:
    """Return a dispute that is new to us."""
    return Dispute(
        id=ids.new(),
        payment_id=scene.payment.id,
        provider=scene.payment.provider,
        reference=fact.reference,
        amount=fact.amount,
        reason=fact.reason[:100],
        state=DisputeState.OPEN,
        withdrawn_posting_id=None,
        reinstated_posting_id=None,
        opened_at=fact.opened_at,
        closed_at=None,
        created_at=fact.opened_at,
    )


def _fee(debit: UUID, credit: UUID, fee: Money, kind: str) -> list[Move]:
    return [Move(debit, credit, fee, kind)] if fee.minor > 0 else []
