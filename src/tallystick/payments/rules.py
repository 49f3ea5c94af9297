"""Pure decisions about payments: the state table, amounts, keys, when to look, where money goes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Final, TypeVar
from uuid import UUID

from tallystick.money import Money
from tallystick.payments.errors import (
    AmountOutOfRange,
    CurrencyUnsupported,
    MoveForbidden,
    RefundTooLarge,
    RefundUnsupported,
)
from tallystick.payments.model import CollectionKind, Crossing, Payment, Reason, Standing
from tallystick.payments.model import PaymentState as S
from tallystick.payments.provider import Capabilities, Paid

__all__ = [
    "ALLOWED",
    "SENDING_S",
    "Route",
    "check_amount",
    "check_move",
    "check_refund",
    "fingerprint",
    "is_overdue",
    "look_again",
    "look_at",
    "may_resend",
    "moved",
    "path",
    "refund_fingerprint",
    "route",
]

Moving = TypeVar("Moving", bound=Crossing)

#: Where payments and refunds may go from where they stand. SQL says the same of payment_step.
ALLOWED: Final[Mapping[S, frozenset[S]]] = {
    S.AWAITING_APPROVAL: frozenset({S.CREATED, S.DECLINED, S.EXPIRED, S.CANCELLED}),
    S.CREATED: frozenset({S.SENDING, S.CANCELLED, S.EXPIRED}),
    S.SENDING: frozenset({S.SUBMITTED, S.SETTLED, S.FAILED, S.UNKNOWN}),
    S.SUBMITTED: frozenset({S.SETTLED, S.FAILED, S.EXPIRED, S.UNKNOWN}),
    S.UNKNOWN: frozenset({S.SUBMITTED, S.SETTLED, S.FAILED, S.EXPIRED, S.REVIEW}),
    S.REVIEW: frozenset({S.SETTLED, S.FAILED}),
    S.SETTLED: frozenset(),
    S.FAILED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.DECLINED: frozenset(),
}

#: The provider's word is awaited.
_WAITS: Final = frozenset({S.SENDING, S.SUBMITTED, S.UNKNOWN})
#: A run that holds an attempt is looked after once it should be long over, in seconds.
SENDING_S: Final = 60
#: A key is not used in the last hour of its life: the provider's clock may differ from ours.
_KEY_MARGIN: Final = timedelta(hours=1)

#: Seconds after which we ask the provider how something stands: quickly at first, then each
#: minute to 15 minutes, every 5 minutes to 2 hours, hourly to 72 hours. Then a person asks.
_LOOKS_S: Final = tuple(
    chain(
        (5, 10, 20, 40),
        range(60, 15 * 60, 60),
        range(15 * 60, 2 * 3_600, 5 * 60),
        range(2 * 3_600, 72 * 3_600 + 1, 3_600),
    )
)


def check_move(before: S, after: S) -> None:
    """Raise MoveForbidden where the state table has no such move."""
    if after not in ALLOWED[before]:
        raise MoveForbidden(f"What is {before} cannot become {after}.")


def path(before: S, after: S) -> tuple[S, ...]:
    """Return the states of the shortest way from one state to another, the last one included.

    Facts may come before we have recorded what led to them. Raises MoveForbidden for no way.
    """
    ways: list[tuple[S, ...]] = [(before,)]
    for way in ways:
        if way[-1] is after:
            return way[1:]
        ways += [(*way, step) for step in S if step in ALLOWED[way[-1]] and step not in way]
    raise MoveForbidden(f"What is {before} cannot become {after}.")


def check_amount(amount: Money, capabilities: Capabilities) -> None:
    """Raise CurrencyUnsupported or AmountOutOfRange for what the provider does not take."""
    limits = capabilities.collect.get(amount.currency.code)
    if limits is None:
        raise CurrencyUnsupported(f"This way to pay does not take {amount.currency}.")
    if amount.minor <= 0:
        raise AmountOutOfRange("Give an amount above 0.")
    if amount.minor < limits.least:
        raise AmountOutOfRange(f"The least amount is {Money(limits.least, amount.currency)}.")
    if amount.minor > limits.greatest:
        raise AmountOutOfRange(f"The greatest amount is {Money(limits.greatest, amount.currency)}.")


def check_refund(payment: Payment, amount: Money) -> None:
    """Raise RefundUnsupported unless the payment is paid, RefundTooLarge beyond what is left.

    Raises CurrencyMismatch for another currency, and AmountOutOfRange for nothing.
    """
    if not payment.is_paid:
        raise RefundUnsupported("Only a payment whose money came can be refunded.")
    if not payment.left.minor:
        raise RefundTooLarge("Nothing of it is left to refund.", left=payment.left)
    Money(0, payment.amount.currency) + amount  # two currencies raise CurrencyMismatch
    if amount.minor <= 0:
        raise AmountOutOfRange("Give an amount above 0.")
    if amount.minor > payment.left.minor:
        said = f"That is more than can be refunded: {payment.left} of it is left."
        raise RefundTooLarge(said, left=payment.left)


def fingerprint(*, wallet_id: UUID, amount: Money, provider: str) -> bytes:
    """Return the SHA-256 of what was asked, to tell a replay from another request."""
    asked = [str(wallet_id), amount.minor, amount.currency.code, provider]
    return hashlib.sha256(json.dumps(asked).encode()).digest()


def refund_fingerprint(*, payment_id: UUID, amount: Money | None, reason: Reason) -> bytes:
    """Return the SHA-256 of what was asked; no amount stands for all that is left."""
    size = None if amount is None else [amount.minor, amount.currency.code]
    asked = ["refund", str(payment_id), size, reason.value]
    return hashlib.sha256(json.dumps(asked).encode()).digest()


def may_resend(first_sent_at: datetime, now: datetime, capabilities: Capabilities) -> bool:
    """Return whether a call may be repeated under its key without a second effect."""
    life = timedelta(seconds=capabilities.key_life_s) - _KEY_MARGIN
    return capabilities.resend_same_key and now - first_sent_at < life


def look_at(waiting_since: datetime, now: datetime) -> datetime | None:
    """Return when to ask the provider next; None where it was asked long enough."""
    waited_s = (now - waiting_since).total_seconds()
    following = next((look_s for look_s in _LOOKS_S if look_s > waited_s), None)
    return None if following is None else waiting_since + timedelta(seconds=following)


def moved(crossing: Moving, after: S, *, now: datetime) -> Moving:
    """Return it as it stands after a move: what is awaited from then on, and when to look.

    The page to pay on is gone with every move but `submitted`. Raises MoveForbidden.
    """
    check_move(crossing.state, after)
    since = (crossing.waiting_since or now) if after in _WAITS else crossing.waiting_since
    look: datetime | None = None
    if after is S.SENDING:
        look = now + timedelta(seconds=SENDING_S)
    elif after in _WAITS:
        look = look_at(since or now, now) or now
    arrived = replace(crossing, state=after, waiting_since=since, look_at=look, updated_at=now)
    if isinstance(arrived, Payment) and after is not S.SUBMITTED:
        return replace(arrived, action_url=None)
    return arrived


def look_again(crossing: Crossing, now: datetime) -> datetime:
    """Return when to look again at what was looked at and still waits."""
    if crossing.waiting_since is None or crossing.state in {S.CREATED, S.SENDING}:
        return now + timedelta(seconds=SENDING_S)
    return look_at(crossing.waiting_since, now) or now + timedelta(hours=1)


def is_overdue(crossing: Crossing, now: datetime) -> bool:
    """Return whether a provider had its three days: then a person must find out."""
    since = crossing.waiting_since
    return since is not None and look_at(since, now) is None


class Route(StrEnum):
    """Where a provider's money for a payment of ours goes."""

    NOWHERE = "nowhere"  #: it is booked already
    ASK = "ask"  #: another amount than asked: the provider must confirm it first
    SETTLE = "settle"  #: to the wallet, and the payment is settled
    LATE = "late"  #: to the wallet, beside a payment that had ended
    TWICE = "twice"  #: to suspense: the payment is settled already
    OTHER_AMOUNT = "other_amount"  #: to suspense: not what was asked

    @property
    def kind(self) -> CollectionKind:
        """Return as what the money is kept; raise KeyError where nothing is."""
        return {
            Route.SETTLE: CollectionKind.SETTLED,
            Route.LATE: CollectionKind.LATE,
            Route.TWICE: CollectionKind.TWICE,
            Route.OTHER_AMOUNT: CollectionKind.OTHER_AMOUNT,
        }[self]


def route(standing: Standing, fact: Paid, *, is_confirmed: bool) -> Route:
    """Return where the money goes, by the payment as it stands under its lock."""
    payment, kept = standing.payment, standing.collections
    known = {one.collected_reference for one in kept.values()} - {None}
    if fact.reference in kept or fact.collected_reference in known:
        return Route.NOWHERE
    has_own = any(one.kind is CollectionKind.SETTLED for one in kept.values())
    if payment.state is S.SETTLED and not has_own and payment.reference in {None, fact.reference}:
        # It was settled before money was kept piece by piece.
        return Route.NOWHERE
    if payment.state is S.SETTLED or any(not one.is_suspended for one in kept.values()):
        return Route.TWICE
    if fact.amount != payment.amount:
        return Route.OTHER_AMOUNT if is_confirmed else Route.ASK
    return Route.LATE if payment.is_terminal else Route.SETTLE
