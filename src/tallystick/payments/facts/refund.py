"""What follows from news about refunds: ours, and those made at the provider without us. Pure.

That a refund failed is a provider's last word; that it was made may be an older one.
"""

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

__all__ = ["named", "release", "reported"]


def reported(scene: Scene, fact: RefundReported) -> Plan:
    """Return what a refund does to the wallet, once, whoever started it."""
    refund = named(scene, fact)
    if refund is None:
        return _made_there(scene, fact)
    if _was_last_word(scene, refund, fact):
        return NOTHING
    if refund.reference not in {None, fact.reference} and not scene.is_confirmed:
        # The answer to our call may have lied about its id, or the provider has made two.
        return ASK
    if fact.amount != refund.amount:
        return _other_amount(scene, refund, fact)
    return _late(scene, refund, fact) if refund.is_terminal else _told(scene, refund, fact)


def _told(scene: Scene, refund: Refund, fact: RefundReported) -> Plan:
    """Return what follows for a refund that waits for this word."""
    known = replace(refund, reference=fact.reference)
    match fact.status:
        case RefundStatus.PENDING:
            return _pending(refund, fact)
        case RefundStatus.FAILED:
            return release(scene, known, after=S.FAILED, code=fact.code, sentence=fact.sentence)
        case RefundStatus.SUCCEEDED:
            return _settled(scene, known, fact)


def release(scene: Scene, refund: Refund, *, after: S, code: str, sentence: str) -> Plan:
    """Return the end of a refund of ours that gave nothing back: the held money is free again.

    Where the wallet is closed to that, it stays held and a person is asked.
    """
    failure = {"failure_code": code or "unknown", "failure_detail": sentence[:500]}
    if scene.is_closed:
        return _kept_held(scene, refund, sentence, failure)

    def effects(posting: UUID, at: datetime) -> Effects:
        ended = along(refund, after, now=at, note=sentence, released_posting_id=posting, **failure)
        return Effects([*ended, refunded(scene.payment, refund.amount, at, sign=-1)])

    places = scene.places
    return Plan(effects, (Move(places.held, places.available, refund.amount, "refund_release"),))


def _kept_held(scene: Scene, refund: Refund, sentence: str, failure: dict[str, str]) -> Plan:
    words = f"{sentence} The wallet is closed, so its {refund.amount} stays held."
    subject = ids.show("ref", refund.id)

    def effects(_posting: UUID, at: datetime) -> Effects:
        if refund.state is S.REVIEW:
            code, detail = failure["failure_code"], failure["failure_detail"]
            failed = replace(refund, failure_code=code, failure_detail=detail, updated_at=at)
            noted = [Change(failed, refund.state.value, words[:500])]
        else:
            noted = along(refund, S.REVIEW, now=at, note=words, **failure)
        return Effects(
            noted,
            review=scene.review("refund_unbookable", subject, words, at),
        )

    return Plan(effects)


def named(scene: Scene, fact: RefundReported) -> Refund | None:
    """Return the refund that the fact is about: by the provider's id, else by ours."""
    made = scene.standing.refunds.values()
    known = next((one for one in made if one.reference == fact.reference), None)
    ours = next((one for one in made if ids.show("ref", one.id) == fact.refund_id), None)
    return known or ours


def _was_made_late(scene: Scene, fact: RefundReported) -> bool:
    """Return whether it was made, and booked, after it had ended here."""
    return (NewsKind.REFUND_LATE, fact.reference) in scene.standing.news


def _was_last_word(scene: Scene, refund: Refund, fact: RefundReported) -> bool:
    """Return whether the provider itself has said before that this refund failed."""
    has_failed = refund.state is S.FAILED and refund.reference == fact.reference
    return has_failed and not _was_made_late(scene, fact)


def _settled(scene: Scene, known: Refund, fact: RefundReported) -> Plan:
    question = f"{known.amount} went back, but the wallet is closed: what it holds is not moved."

    def effects(posting: UUID, at: datetime) -> Effects:
        settled = along(
            known,
            S.SETTLED,
            now=at,
            posting_id=posting,
            settled_at=at,
            is_suspended=scene.is_closed,
        )
        asked = scene.review("refund_unbookable", fact.reference, question, at)
        return Effects(settled, review=asked if scene.is_closed else None)

    places = scene.places
    return Plan(effects, (Move(places.held, places.clearing, known.amount, "refund"),))


def _pending(refund: Refund, fact: RefundReported) -> Plan:
    if refund.state not in {S.SENDING, S.UNKNOWN}:
        return NOTHING
    known = replace(refund, reference=fact.reference)
    return Plan(lambda _posting, at: Effects(along(known, S.SUBMITTED, now=at)))


def _late(scene: Scene, refund: Refund, fact: RefundReported) -> Plan:
    """A refund that had ended comes back, or is made after all, or is named otherwise."""
    came_back = fact.status is RefundStatus.FAILED
    kind = NewsKind.REFUND_RETURNED if came_back else NewsKind.REFUND_LATE
    was_made = refund.state is S.SETTLED or _was_made_late(scene, fact)
    is_news = was_made is came_back and fact.status is not RefundStatus.PENDING
    is_suspended = refund.is_suspended if came_back else scene.is_suspended
    known = replace(refund, reference=fact.reference)
    if not is_news or (kind, fact.reference) in scene.standing.news:
        renamed = [Change(known, refund.state.value)]
        return NOTHING if known == refund else Plan(lambda _posting, _at: Effects(renamed))
    amount = fact.amount
    if came_back:
        move = scene.given_back(amount, "refund_return", is_suspended=refund.is_suspended)
        words = f"The refund of {amount} came back: {fact.sentence or 'it was not taken.'}"
    else:
        move = scene.claim(amount, "refund")
        words = f"The provider refunded {amount} after the refund was {refund.state}."

    def effects(posting: UUID, at: datetime) -> Effects:
        moved = replace(known, is_suspended=is_suspended, updated_at=at)
        noted = Change(moved, refund.state.value, words[:500])
        sign = -1 if came_back else 1
        counted = [] if is_suspended else [refunded(scene.payment, amount, at, sign=sign)]
        return Effects(
            [noted, *counted],
            news=scene.news(kind, fact, posting, at),
            review=scene.review(kind, fact.reference, words, at),
        )

    return Plan(effects, (move,))


def _other_amount(scene: Scene, refund: Refund, fact: RefundReported) -> Plan:
    """The provider gave back another amount than we asked it to: a person must look."""
    kind, places = NewsKind.REFUND_OTHER_AMOUNT, scene.places
    is_known = (kind, fact.reference) in scene.standing.news
    if is_known or fact.status is not RefundStatus.SUCCEEDED:
        return NOTHING
    if not scene.is_confirmed:
        return ASK
    words = f"The provider refunded {fact.amount}, {refund.amount} was asked for."

    def effects(posting: UUID, at: datetime) -> Effects:
        if refund.is_terminal or refund.state is S.REVIEW:
            noted = [Change(replace(refund, updated_at=at), refund.state.value, words)]
        else:
            known = replace(refund, reference=fact.reference)
            noted = along(known, S.REVIEW, now=at, note=words)
        return Effects(
            noted,
            news=scene.news(kind, fact, posting, at),
            review=scene.review(kind, fact.reference, words, at),
        )

    return Plan(effects, (Move(places.suspense, places.clearing, fact.amount, "suspense"),))


def _made_there(scene: Scene, fact: RefundReported) -> Plan:
    """A refund made at the provider without us: booked as it is, once it is made.

    One that failed is kept as well: an older word of it may be on its way.
    """
    if fact.status is RefundStatus.PENDING:
        return NOTHING
    if fact.status is RefundStatus.FAILED:
        return Plan(lambda _posting, at: Effects(refund=_foreign(scene, fact, at)))
    words = f"{fact.amount} was refunded at the provider, not from here. Is that right?"

    def effects(posting: UUID, at: datetime) -> Effects:
        made = replace(
            _foreign(scene, fact, at), state=S.SETTLED, posting_id=posting, settled_at=at
        )
        counted = [] if scene.is_suspended else [refunded(scene.payment, fact.amount, at)]
        return Effects(
            counted,
            refund=made,
            review=scene.review("refund_unasked", fact.reference, words, at),
        )

    return Plan(effects, (scene.claim(fact.amount, "refund"),))


def _foreign(scene: Scene, fact: RefundReported, at: datetime) -> Refund:
    """Return a refund that we did not start, failed until it is said otherwise."""
    payment: Payment = scene.payment
    actor = f"provider:{payment.provider}"
    asked = rules.refund_fingerprint(payment_id=payment.id, amount=fact.amount, reason=fact.reason)
    has_failed = fact.status is RefundStatus.FAILED
    return Refund(
        id=ids.new(),
        payment_id=payment.id,
        amount=fact.amount,
        provider=payment.provider,
        origin=Origin.PROVIDER,
        state=S.FAILED,
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
        failure_code=(fact.code or "unknown") if has_failed else None,
        failure_detail=fact.sentence[:500] if has_failed else None,
        is_suspended=scene.is_suspended,
    )
