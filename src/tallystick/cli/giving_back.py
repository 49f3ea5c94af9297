"""The selftest's steps that give a part of a top-up back, and see the provider say the same.

An operator's deed: it goes through the library, as a command of an operator does.
"""

from __future__ import annotations

import secrets
from typing import Final
from uuid import UUID

from tallystick import db, ids, payments
from tallystick.cli.walk import StepFailed, Walk
from tallystick.money import Currency, Money
from tallystick.payments import PaymentState, Reason, Refund, RefundTooLarge
from tallystick.simulator import read_journal

__all__ = ["give_back", "refuse_more", "see_journal"]

_ACTOR: Final = "program:selftest"


def give_back(walking: Walk, minor: int) -> str:
    """Refund so many minor units of the payment, asked twice, and wait until that is settled."""
    key = secrets.token_hex(16)
    first, again = (_ask(walking, minor, key) for _ in range(2))
    if first.id != again.id:
        raise StepFailed("The same key made two refunds.")
    walking.until("the refund to settle", lambda: _is_settled(walking, first))
    return ids.show("ref", first.id)


def see_journal(walking: Walk, minor: int, *, paid: int) -> str:
    """Compare what the provider did with what was asked for: one refund, of this amount."""
    shown = walking.payment["id"]
    told = read_journal(walking.settings.stripe_api_url)
    charges = [
        one for one in told.charges.values() if one.is_paid and shown in one.metadata.values()
    ]
    if len(charges) != 1:
        raise StepFailed(f"The provider has {len(charges)} charges for the payment.")
    back = [one.amount for one in told.refunds.values() if one.charge == charges[0].id]
    # In the provider's unit, which is not ours in every currency: the shares must be the same.
    if len(back) != 1 or back[0] * paid != charges[0].amount * minor:
        raise StepFailed(f"The provider gave back {back} of {charges[0].amount}.")
    return f"one refund of {back[0]} in the provider's journal"


def refuse_more(walking: Walk, minor: int) -> str:
    """Ask for more than is left, and see it refused without a trace."""
    before = _refunds(walking)
    try:
        _ask(walking, minor, secrets.token_hex(16))
    except RefundTooLarge as refusal:
        if _refunds(walking) != before:
            raise StepFailed("The refused refund left a trace.") from None
        return str(refusal)
    raise StepFailed("More was refunded than was left.")


def _ask(walking: Walk, minor: int, key: str) -> Refund:
    currency = Currency(walking.first.wallet["currency"])
    with walking.house.pool.transaction() as conn:
        payment = payments.get(conn, payment_id=_payment_id(walking), owner=None)
        return payments.refund(
            conn,
            payment_id=payment.id,
            amount=Money(minor, currency),
            reason=Reason.REQUESTED_BY_CUSTOMER,
            provider=walking.house.provider(payment.provider),
            actor=_ACTOR,
            caller=_ACTOR,
            key=key,
            request_id=key,
            now=db.now(conn),
        )


def _refunds(walking: Walk) -> list[Refund]:
    with walking.house.pool.transaction() as conn:
        return payments.file(conn, payment_id=_payment_id(walking), owner=None).refunds


def _is_settled(walking: Walk, refund: Refund) -> bool:
    states = {one.id: one.state for one in _refunds(walking)}
    if states[refund.id] is PaymentState.FAILED:
        raise StepFailed("The refund failed.")
    return states[refund.id] is PaymentState.SETTLED


def _payment_id(walking: Walk) -> UUID:
    return ids.read("pay", walking.payment["id"])
