"""What follows from news about disputes: the bank takes money back, and may return it. Pure."""

from __future__ import annotations

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

    What is decided stays decided. What the provider charges for it is our loss, not the wallet's.
    """
    known = scene.standing.disputes.get(fact.reference)
    takes = fact.is_withdrawn and not (known and known.withdrawn_posting_id)
    returns = fact.is_reinstated and not (known and known.reinstated_posting_id)
    state = fact.state if known is None or known.state is DisputeState.OPEN else known.state
    if known is not None and not takes and not returns and state is known.state:
        return NOTHING
    places, amount = scene.places, fact.amount
    moves: list[Move] = []
    if takes:
        moves += [scene.claim(amount, "dispute")]
        moves += _fee(places.fees, places.clearing, fact.fee, "dispute_fee")
    if returns:
        moves += [Move(places.clearing, places.available, amount, "dispute_return")]
        moves += _fee(places.clearing, places.fees, fact.fee_returned, "dispute_fee_return")
    words = f"The payer's bank disputes {amount} ({fact.reason[:60]}): {state}."

    def effects(posting: UUID, at: datetime) -> Effects:
        question = f"{words} Answer it at the provider, with evidence, or accept it."
        return Effects(
            [refunded(scene.payment, amount, at, sign=takes - returns, note=words)],
            dispute=_dispute(
                scene,
                fact,
                known,
                state=state,
                at=at,
                taken=posting if takes else None,
                returned=posting if returns else None,
            ),
            review=scene.review("dispute", fact.reference, question, at),
        )

    return Plan(effects, tuple(moves))


def _fee(debit: UUID, credit: UUID, fee: Money, kind: str) -> list[Move]:
    return [Move(debit, credit, fee, kind)] if fee.minor > 0 else []


def _dispute(
    scene: Scene,
    fact: DisputeReported,
    known: Dispute | None,
    *,
    state: DisputeState,
    at: datetime,
    taken: UUID | None,
    returned: UUID | None,
) -> Dispute:
    decided_at = None if known is None else known.closed_at
    is_open = state is DisputeState.OPEN
    return Dispute(
        id=known.id if known else ids.new(),
        payment_id=scene.payment.id,
        provider=scene.payment.provider,
        reference=fact.reference,
        amount=fact.amount,
        reason=fact.reason[:100],
        state=state,
        withdrawn_posting_id=taken or (known.withdrawn_posting_id if known else None),
        reinstated_posting_id=returned or (known.reinstated_posting_id if known else None),
        opened_at=fact.opened_at,
        closed_at=None if is_open else decided_at or fact.occurred_at,
        created_at=known.created_at if known else at,
    )
