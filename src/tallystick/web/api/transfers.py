"""`/api/transfers`: move money from a wallet of the caller's to anybody's."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Router

from tallystick import ids, observability, wallets
from tallystick.db import Connection
from tallystick.keys import Scope
from tallystick.money import Currency, Money
from tallystick.web.api.bearer import callers
from tallystick.web.api.once import Asked, once
from tallystick.web.api.schemas import Owner, ReceiptOut, TransferIn, TransferOut
from tallystick.web.api.session import caller_of, now_of, owner_of
from tallystick.web.database import whole_heart
from tallystick.web.people import recipients

__all__ = ["router"]

router = Router(tags=["transfers"])


@router.post("", response={201: TransferOut}, auth=callers(Scope.TRANSFERS_WRITE))
def create_transfer(request: HttpRequest, body: TransferIn) -> HttpResponse:
    """Move the money once, and return the caller's own wallet after it."""
    owner = owner_of(request, body.owner)
    caller = caller_of(request)

    def ask(conn: Connection) -> Asked:
        amount = Money(body.amount, Currency(body.currency))
        intent = wallets.intend(
            conn,
            actor=caller,
            owner=owner,
            from_wallet=ids.read("wal", body.from_),
            to_wallet=_payee(request, body.to, amount),
            amount=amount,
            note=body.note,
            request_id=observability.request_id(),
            now=now_of(request, conn),
        )
        return Asked(
            intent.deed,
            lambda outcome: TransferOut.of(intent.read(outcome)).model_dump_json().encode(),
        )

    return once(request, caller=caller, ask=ask)


@router.get("/{transfer_id}", response=ReceiptOut, auth=callers(Scope.TRANSFERS_READ))
def get_transfer(request: HttpRequest, transfer_id: str, owner: Owner | None = None) -> ReceiptOut:
    """Return a transfer of which the owner is the payer or the payee."""
    named = owner_of(request, owner)
    with whole_heart() as conn:
        found = wallets.receipt(conn, transfer_id=ids.read("tra", transfer_id), owner=named)
    return ReceiptOut.of(found, owner=named)


def _payee(request: HttpRequest, text: str, amount: Money) -> UUID:
    """Return the wallet that an id names, or that somebody's handle or address leads to."""
    return (
        recipients.wallet_named(text)
        or recipients.find(
            request, text, caller=caller_of(request), currency=amount.currency
        ).wallet_id
    )
