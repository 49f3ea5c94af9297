"""Reads the simulated Stripe's journal as what should stand in our books. Pure."""

from __future__ import annotations

from collections import Counter
from typing import Final

from tallystick.comparison.model import Kind, Story, Told
from tallystick.providers.stripe import PAYMENT_KEY, REFUND_KEY, from_stripe
from tallystick.simulator import JournalCharge, JournalContents, JournalDispute, JournalRefund

__all__ = ["of_stripe"]

_NOTHING: Final = ((),)


def of_stripe(contents: JournalContents) -> Story:
    """Return what the journal tells about payments of ours; raise MoneyError.

    What belongs to a charge without a reference of ours is counted, and not told.
    """
    payments = {
        one.payment_intent: one.metadata[PAYMENT_KEY]
        for one in contents.charges.values()
        if PAYMENT_KEY in one.metadata
    }
    told: list[Told] = []
    others: Counter[Kind] = Counter()
    for charge in contents.charges.values():
        if not charge.is_paid:
            continue
        if charge.payment_intent in payments:
            told.append(_charge(charge, payments[charge.payment_intent]))
        else:
            others[Kind.CHARGE] += 1
    for refund in contents.refunds.values():
        if refund.payment_intent in payments:
            told.append(_refund(refund, payments[refund.payment_intent]))
        else:
            others[Kind.REFUND] += 1
    for dispute in contents.disputes.values():
        if dispute.payment_intent in payments:
            told.append(_dispute(dispute, payments[dispute.payment_intent]))
        else:
            others[Kind.DISPUTE] += 1
    return Story(told, others, len(contents.webhooks_owed))


def _charge(charge: JournalCharge, payment: str) -> Told:
    amount = from_stripe(charge.amount, charge.currency)
    session = charge.session or charge.payment_intent
    ways = ((amount.minor,),)
    return Told(Kind.CHARGE, session, payment, amount.currency.code, ways)


def _refund(refund: JournalRefund, payment: str) -> Told:
    amount = from_stripe(refund.amount, refund.currency)
    minor = amount.minor
    ways: tuple[tuple[int, ...], ...] = _NOTHING
    if refund.status == "succeeded":
        ways = ((-minor,),)
    elif refund.status == "failed":
        ways = ((), (-minor, minor))
    order = "" if refund.status == "failed" else refund.metadata.get(REFUND_KEY, "")
    return Told(Kind.REFUND, refund.id, payment, amount.currency.code, ways, order=order)


def _dispute(dispute: JournalDispute, payment: str) -> Told:
    amount = from_stripe(dispute.amount, dispute.currency)
    fee = from_stripe(dispute.fee, dispute.currency)
    way = (-amount.minor, amount.minor) if dispute.status == "won" else (-amount.minor,)
    return Told(Kind.DISPUTE, dispute.id, payment, amount.currency.code, (way,), fee=fee.minor)
