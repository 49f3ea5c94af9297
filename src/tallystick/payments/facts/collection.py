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
from tallystick.payments.model import Change, News, NewsKind, Payment, Review
from tallystick.payments.model import PaymentState as S
from tallystick.payments.provider import Declined, Paid
from tallystick.payments.rules import Route

__all__ = ["declined", "expired", "paid", "unclaimed"]

_WORDS: Final = {
    NewsKind.PAID_LATE: "{paid} arrived after the payment was {state}. It is in the wallet.",
    NewsKind.PAID_TWICE: "{paid} arrived a second time. It waits for somebody to say whose it is.",
    NewsKind.PAID_OTHER_AMOUNT: (
        "{paid} arrived, {asked} was asked for. It waits until somebody has looked at it."
    ),
    NewsKind.PAID_UNBOOKABLE: (
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
    if route is Route.SETTLE and not scene.is_closed:
        return _settled(scene.payment, fact, scene.places)
    kind = NewsKind.PAID_UNBOOKABLE if scene.is_closed else route.news
    assert kind is not None, "what does not settle is news"
    return _beside(scene, fact, kind)


def _settled(payment: Payment, fact: Paid, places: Places) -> Plan:
    def effects(posting: UUID, at: datetime) -> Effects:
        return Effects(
            along(
                payment,
                S.SETTLED,
                now=at,
                # What was paid is what it names from now on: the answer to our call may have lied.
                reference=fact.reference,
                collected_reference=fact.collected_reference or payment.collected_reference,
                failure_code=None,
                failure_detail=None,
                posting_id=posting,
                settled_at=at,
            )
        )

    return Plan(effects, (Move(places.clearing, places.available, fact.amount, "top_up"),))


def _beside(scene: Scene, fact: Paid, kind: NewsKind) -> Plan:
    """Book it beside the payment, which does not settle; who may yet be reviewed is."""
    payment, places = scene.payment, scene.places
    is_late = kind is NewsKind.PAID_LATE
    target, word = (places.available, "top_up") if is_late else (places.suspense, "suspense")
    words = _WORDS[kind].format(paid=fact.amount, asked=payment.amount, state=payment.state)

    def effects(posting: UUID, at: datetime) -> Effects:
        if payment.state in _REVIEWABLE:
            noted = along(payment, S.REVIEW, now=at, note=words)
        else:
            noted = [Change(replace(payment, updated_at=at), payment.state.value, words)]
        return Effects(
            noted,
            news=scene.news(kind, fact, posting, at),
            review=scene.review(kind, fact.reference, words, at),
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
    kind = NewsKind.PAID_UNCLAIMED

    def effects(posting: UUID, at: datetime) -> Effects:
        return Effects(
            news=News(
                ids.new(),
                None,
                provider,
                kind,
                fact.reference,
                fact.amount,
                posting,
                fact.occurred_at,
                at,
            ),
            review=Review(
                ids.new(), kind, f"{provider}:{fact.reference}", None, provider, question, at
            ),
        )

    return Plan(effects, (Move(places.clearing, places.suspense, fact.amount, "suspense"),))
