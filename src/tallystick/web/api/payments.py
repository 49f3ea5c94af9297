"""`/api/payments`: bring money into a wallet, and see what became of it."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from tallystick import ids, observability, payments
from tallystick.keys import Scope
from tallystick.money import Currency, Money
from tallystick.web.api.bearer import callers
from tallystick.web.api.paging import Cursor, Limit, after_id, show_cursor
from tallystick.web.api.schemas import (
    Owner,
    PaymentFileOut,
    PaymentIn,
    PaymentOut,
    PaymentsOut,
)
from tallystick.web.api.session import caller_of, idempotency_key, now_of, owner_of, seen_owner
from tallystick.web.database import whole_heart
from tallystick.web.house import house

__all__ = ["router"]

router = Router(tags=["payments"])


@router.post("", response={201: PaymentOut}, auth=callers(Scope.PAYMENTS_WRITE))
def create_payment(request: HttpRequest, body: PaymentIn) -> Status[PaymentOut]:
    """Create a payment; the provider's page to pay on appears in `action_url` soon after."""
    key = idempotency_key(request)
    wallet_id = ids.read("wal", body.wallet)
    amount = Money(body.amount, Currency(body.currency))
    provider = house().provider(body.provider)
    owner = owner_of(request, body.owner)
    with whole_heart() as conn:
        payment = payments.create(
            conn,
            owner=owner,
            wallet_id=wallet_id,
            amount=amount,
            provider=provider,
            caller=caller_of(request),
            key=key,
            request_id=observability.request_id(),
            now=now_of(request, conn),
        )
    return Status(201, PaymentOut.of(payment))


@router.get("", response=PaymentsOut, auth=callers(Scope.PAYMENTS_READ))
def list_payments(
    request: HttpRequest, limit: Limit = 50, cursor: Cursor = None, owner: Owner | None = None
) -> PaymentsOut:
    """Return the owner's payments, newest first; `next` is the cursor of the part that follows."""
    before = after_id(cursor)
    named = owner_of(request, owner)
    with whole_heart() as conn:
        # One more than asked for tells whether something follows.
        found = payments.of_owner(conn, owner=named, limit=limit + 1, before=before)
    items, rest = found[:limit], found[limit:]
    following = show_cursor(items[-1].id) if rest else None
    return PaymentsOut(items=[PaymentOut.of(payment) for payment in items], next=following)


@router.get("/{payment_id}", response=PaymentFileOut, auth=callers(Scope.PAYMENTS_READ))
def get_payment(
    request: HttpRequest, payment_id: str, owner: Owner | None = None
) -> PaymentFileOut:
    """Return one payment of the owner with its refunds and its whole way; operators see all."""
    with whole_heart() as conn:
        found = payments.file(
            conn, payment_id=ids.read("pay", payment_id), owner=seen_owner(request, owner)
        )
    return PaymentFileOut.of_file(found)
