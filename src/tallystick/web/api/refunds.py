"""`/api/payments/{id}/refunds`: give a payment back, whole or in parts, and see what became of it.

Operators refund, and keys that have the scope. A refusal leaves nothing behind.
"""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from tallystick import ids, observability, payments
from tallystick.keys import Scope
from tallystick.money import Currency, Money
from tallystick.payments import Payment, Reason
from tallystick.web.api.bearer import callers
from tallystick.web.api.paging import Cursor, Limit, after_id, show_cursor
from tallystick.web.api.schemas import Owner, RefundIn, RefundOut, RefundsOut
from tallystick.web.api.session import caller_of, idempotency_key, now_of, reach_of, seen_owner
from tallystick.web.database import whole_heart
from tallystick.web.house import house

__all__ = ["router"]

router = Router(tags=["refunds"])


@router.post("/{payment_id}/refunds", response={201: RefundOut}, auth=callers(Scope.REFUNDS_WRITE))
def create_refund(request: HttpRequest, payment_id: str, body: RefundIn) -> Status[RefundOut]:
    """Set the money aside in the wallet and give it back; without an amount, all that is left."""
    owner = reach_of(request)
    key = idempotency_key(request)
    identity = ids.read("pay", payment_id)
    caller = caller_of(request)
    with whole_heart() as conn:
        payment = payments.get(conn, payment_id=identity, owner=owner)
        refund = payments.refund(
            conn,
            payment_id=identity,
            amount=_amount(body, payment),
            reason=Reason(body.reason),
            provider=house().provider(payment.provider),
            actor=caller,
            caller=caller,
            key=key,
            request_id=observability.request_id(),
            now=now_of(request, conn),
            owner=owner,
        )
    return Status(201, RefundOut.of(refund))


@router.get("/{payment_id}/refunds", response=RefundsOut, auth=callers(Scope.PAYMENTS_READ))
def list_refunds(
    request: HttpRequest,
    payment_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    owner: Owner | None = None,
) -> RefundsOut:
    """Return a payment's refunds, first to last; `next` is the cursor of the part that follows."""
    after = after_id(cursor)
    with whole_heart() as conn:
        found = payments.file(
            conn, payment_id=ids.read("pay", payment_id), owner=seen_owner(request, owner)
        )
    # A payment has few refunds: the part is cut here.
    left = [refund for refund in found.refunds if after is None or refund.id > after]
    items, rest = left[:limit], left[limit:]
    following = show_cursor(items[-1].id) if rest else None
    return RefundsOut(items=[RefundOut.of(refund) for refund in items], next=following)


def _amount(body: RefundIn, payment: Payment) -> Money | None:
    """Return what is to go back, None for all that is left; raise CurrencyMismatch."""
    own = payment.amount.currency
    named = own if body.currency is None else Currency(body.currency)
    if body.amount is None:
        Money(0, own) + Money(0, named)  # two currencies raise CurrencyMismatch
        return None
    return Money(body.amount, named)
