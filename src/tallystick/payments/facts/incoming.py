"""What follows from news about money coming in: paid, declined, expired. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick import ids
from tallystick.ledger import Move
from tallystick.payments import rules
from tallystick.payments.facts.model import ASK, NOTHING, Effects, Places, Plan, Scene, along
from tallystick.payments.model import Change, Collection, Review
from tallystick.payments.model import CollectionKind as Kind
from tallystick.payments.model import PaymentState as S
from tallystick.payments.provider import Declined, Paid
from tallystick.payments.rules import Route

__all__ = ["declined", "expired", "paid", "unclaimed"]

_WORDS: Final = {
    Kind.LATE: "{paid} arrived after the payment was {state}. It is in the wallet.",
    Kind.TWICE: "{paid} arrived a second time. It waits for somebody to say whose it is.",
    Kind.OTHER_AMOUNT: (
        "{paid} arrived, {asked} was asked for. It waits until somebody has looked at it."
    ),
    Kind.UNBOOKABLE: (
        "{paid} arrived, but the wallet takes nothing. It waits until somebody has looked at it."
    ),
}
_REVIEWABLE: Final = frozenset({S.SENDING, S.SUBMITTED, S.UNKNOWN})


def paid(scene: Scene, fact: Paid) -> Plan:
    """Return where the money goes: to the wallet if it may, else to suspense with a review."""
    route = rules.route(scene.standing, fact, is_confirmed=scene.is_confirmed)
    if route is Route.NOWHERE:
        return NOTHING
    if route is Route.ASK:
        return ASK
    if scene.is_closed and route in {Route.SETTLE, Route.LATE}:
        return _beside(scene, fact, Kind.UNBOOKABLE)
    if route is Route.SETTLE:
        return _settled(scene, fact)
    return _beside(scene, fact, route.kind)


def _settled(scene: Scene, fact: Paid) -> Plan:
    payment, places = scene.payment, scene.places

    def effects(posting: UUID, at: datetime) -> Effects:
        # What was paid is what it names from now on: the answer to our call may have lied.
        settled = along(
            payment,
            S.SETTLED,
            now=at,
            reference=fact.reference,
            collected_reference=fact.collected_reference or payment.collected_reference,
            failure_code=None,
            failure_detail=None,
            posting_id=posting,
            settled_at=at,
        )
        return Effects(settled, collection=scene.collection(Kind.SETTLED, fact, posting, at))

    return Plan(effects, (Move(places.clearing, places.available, fact.amount, "top_up"),))


def _beside(scene: Scene, fact: Paid, kind: Kind) -> Plan:
    """Book it beside the payment, which does not settle; who may yet be reviewed is."""
    payment, places = scene.payment, scene.places
    is_late = kind is Kind.LATE
    target, word = (places.available, "top_up") if is_late else (places.suspense, "suspense")
    words = _WORDS[kind].format(paid=fact.amount, asked=payment.amount, state=payment.state)
    # What reached the wallet can be refunded: by the name that the provider has for it.
    known = fact.collected_reference if is_late else payment.collected_reference

    def effects(posting: UUID, at: datetime) -> Effects:
        if payment.state in _REVIEWABLE:
            noted = along(payment, S.REVIEW, now=at, note=words)
        else:
            told = replace(payment, collected_reference=known, updated_at=at)
            noted = [Change(told, payment.state.value, words)]
        return Effects(
            noted,
            collection=scene.collection(kind, fact, posting, at),
            review=scene.review(f"paid_{kind}", fact.reference, words, at),
        )

    return Plan(effects, (Move(places.clearing, target, fact.amount, word),))


def declined(scene: Scene, fact: Declined) -> Plan:
    """Return the note that a card was refused: the payment stays open for another one."""
    payment, sentence = scene.payment, fact.sentence[:500]
    if payment.state is not S.SUBMITTED:
        return NOTHING

    def effects(_posting: UUID, at: datetime) -> Effects:
        told = replace(payment, failure_code=fact.code, failure_detail=sentence, updated_at=at)
        return Effects([Change(told, payment.state.value, sentence)])

    return Plan(effects)


def expired(scene: Scene) -> Plan:
    """Return the end of a payment whose offer ran out; what was paid stays paid."""
    payment, note = scene.payment, "The payment page has expired."
    if payment.state not in {S.SUBMITTED, S.UNKNOWN}:
        return NOTHING
    return Plan(lambda _posting, at: Effects(along(payment, S.EXPIRED, now=at, note=note)))


def unclaimed(fact: Paid, provider: str, places: Places) -> Plan:
    """Return what follows from money for a payment of ours that is not here."""
    named = fact.payment_id[:60]
    question = f"{fact.amount} was paid for {named}, which is not here. Whose is it?"
    subject = f"{provider}:{fact.reference}"

    def effects(posting: UUID, at: datetime) -> Effects:
        kept = Collection(
            id=ids.new(),
            payment_id=None,
            provider=provider,
            reference=fact.reference,
            collected_reference=fact.collected_reference,
            kind=Kind.UNCLAIMED,
            amount=fact.amount,
            is_suspended=True,
            posting_id=posting,
            occurred_at=fact.occurred_at,
            created_at=at,
        )
        asked = Review(ids.new(), "paid_unclaimed", subject, None, provider, question, at)
        return Effects(collection=kept, review=asked)

    return Plan(effects, (Move(places.clearing, places.suspense, fact.amount, "suspense"),))
