"""What follows from news about refunds: ours, and those made at the provider without us. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from tallystick import ids
from tallystick.ledger import Move
from tallystick.payments import rules
from tallystick.payments.facts.model import ASK, NOTHING, Effects, Plan, Scene, along, refunded
from tallystick.payments.model import Change, NewsKind, Origin, Payment, Refund
from tallystick.payments.model import PaymentState as S
from tallystick.payments.provider import RefundReported, RefundStatus

__all__ = ["release", "reported"]


def reported(scene: Scene, fact: RefundReported) -> Plan:
    """Return what a refund does to the wallet, once, whoever started it."""
    refund = _named(scene, fact)
    if refund is None:
        return _unasked(scene, fact)
    if fact.amount != refund.amount:
        return _other_amount(scene, refund, fact) if scene.is_confirmed else ASK
    if fact.status is RefundStatus.PENDING:
        return _pending(refund, fact)
    if refund.is_terminal:
        return _late(scene, refund, fact)
    known = replace(refund, reference=fact.reference)
    if fact.status is RefundStatus.FAILED:
        return release(scene, known, after=S.FAILED, code=fact.code, sentence=fact.sentence)

    question = f"{refund.amount} went back, but the wallet is closed: what it holds is not moved."

    def effects(posting: UUID, at: datetime) -> Effects:
        settled = along(known, S.SETTLED, now=at, posting_id=posting, settled_at=at)
        asked = scene.review("refund_unbookable", fact.reference, question, at)
        return Effects(settled, review=asked if scene.is_closed else None)

    places = scene.places
    return Plan(effects, (Move(places.held, places.clearing, refund.amount, "refund"),))


def release(scene: Scene, refund: Refund, *, after: S, code: str, sentence: str) -> Plan:
    """Return the end of a refund of ours that gave nothing back: the held money is free again."""

    def effects(posting: UUID, at: datetime) -> Effects:
        ended = along(
            refund,
            after,
            now=at,
            note=sentence,
            failure_code=code or "unknown",
            failure_detail=sentence[:500],
            released_posting_id=posting,
        )
        return Effects([*ended, refunded(scene.payment, refund.amount, at, sign=-1)])

    places = scene.places
    return Plan(effects, (Move(places.held, places.available, refund.amount, "refund_release"),))


def _named(scene: Scene, fact: RefundReported) -> Refund | None:
    """Return the refund that the fact is about, by our id or by the provider's."""
    for refund in scene.standing.refunds.values():
        if fact.refund_id == ids.show("ref", refund.id) or refund.reference == fact.reference:
            return refund
    return None


def _pending(refund: Refund, fact: RefundReported) -> Plan:
    if refund.state not in {S.SENDING, S.UNKNOWN}:
        return NOTHING
    known = replace(refund, reference=fact.reference)
    return Plan(lambda _posting, at: Effects(along(known, S.SUBMITTED, now=at)))


def _late(scene: Scene, refund: Refund, fact: RefundReported) -> Plan:
    """A refund that had ended comes back, or is made after all."""
    came_back = fact.status is RefundStatus.FAILED
    kind = NewsKind.REFUND_RETURNED if came_back else NewsKind.REFUND_LATE
    is_news = (refund.state is S.SETTLED) is came_back
    if not is_news or (kind, fact.reference) in scene.standing.news:
        return NOTHING
    places, amount = scene.places, fact.amount
    if came_back:
        move, sign = Move(places.clearing, places.available, amount, "refund_return"), -1
        words = f"The refund of {amount} came back: {fact.sentence or 'it was not taken.'}"
    else:
        move, sign = scene.claim(amount, "refund"), 1
        words = f"The provider refunded {amount} after the refund was {refund.state}."

    def effects(posting: UUID, at: datetime) -> Effects:
        noted = Change(replace(refund, updated_at=at), refund.state.value, words[:500])
        return Effects(
            [noted, refunded(scene.payment, amount, at, sign=sign)],
            news=scene.news(kind, fact, posting, at),
            review=scene.review(kind, fact.reference, words, at),
        )

    return Plan(effects, (move,))


def _other_amount(scene: Scene, refund: Refund, fact: RefundReported) -> Plan:
    """The provider gave back another amount than we asked it to: a person must look."""
    is_open = not refund.is_terminal and refund.state is not S.REVIEW
    if not is_open or fact.status is not RefundStatus.SUCCEEDED:
        return NOTHING
    kind, places = NewsKind.REFUND_OTHER_AMOUNT, scene.places
    words = f"The provider refunded {fact.amount}, {refund.amount} was asked for."
    known = replace(refund, reference=fact.reference)

    def effects(posting: UUID, at: datetime) -> Effects:
        return Effects(
            along(known, S.REVIEW, now=at, note=words),
            news=scene.news(kind, fact, posting, at),
            review=scene.review(kind, fact.reference, words, at),
        )

    return Plan(effects, (Move(places.suspense, places.clearing, fact.amount, "suspense"),))


def _unasked(scene: Scene, fact: RefundReported) -> Plan:
    """A refund made at the provider without us: booked as it is, once it is made."""
    if fact.status is not RefundStatus.SUCCEEDED:
        return NOTHING
    words = f"{fact.amount} was refunded at the provider, not from here. Is that right?"

    def effects(posting: UUID, at: datetime) -> Effects:
        return Effects(
            [refunded(scene.payment, fact.amount, at)],
            refund=_made_there(scene.payment, fact, posting, at),
            review=scene.review("refund_unasked", fact.reference, words, at),
        )

    return Plan(effects, (scene.claim(fact.amount, "refund"),))


def _made_there(payment: Payment, fact: RefundReported, posting: UUID, at: datetime) -> Refund:
    actor = f"provider:{payment.provider}"
    asked = rules.refund_fingerprint(payment_id=payment.id, amount=fact.amount, reason=fact.reason)
    return Refund(
        id=ids.new(),
        payment_id=payment.id,
        amount=fact.amount,
        provider=payment.provider,
        origin=Origin.PROVIDER,
        state=S.SETTLED,
        reason=fact.reason,
        actor=actor,
        caller=actor,
        key=fact.reference,
        fingerprint=asked,
        request_id=fact.reference,
        expires_at=at,
        created_at=at,
        updated_at=at,
        reference=fact.reference,
        posting_id=posting,
        settled_at=at,
    )
