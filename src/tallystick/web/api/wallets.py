"""`/api/wallets`: the wallets of the owner for whom the caller acts, and their entries."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Status

from tallystick import ids, wallets
from tallystick.keys import Scope
from tallystick.money import Currency
from tallystick.web.api.bearer import callers
from tallystick.web.api.paging import Cursor, Limit, after_id, before_version, show_cursor
from tallystick.web.api.schemas import EntriesOut, EntryOut, Owner, WalletIn, WalletOut, WalletsOut
from tallystick.web.api.session import now_of, owner_of
from tallystick.web.database import whole_heart

__all__ = ["router"]

router = Router(tags=["wallets"])


@router.get("", response=WalletsOut, auth=callers(Scope.WALLETS_READ))
def list_wallets(
    request: HttpRequest, limit: Limit = 50, cursor: Cursor = None, owner: Owner | None = None
) -> WalletsOut:
    """Return the owner's wallets; `next` is the cursor of the part that follows."""
    after = after_id(cursor)
    named = owner_of(request, owner)
    with whole_heart() as conn:
        found = wallets.of_owner(conn, owner=named)
    # An owner has few wallets, one a currency: the part is cut here.
    ordered = sorted(found, key=lambda wallet: wallet.id)
    left = [wallet for wallet in ordered if after is None or wallet.id > after]
    items, rest = left[:limit], left[limit:]
    following = show_cursor(items[-1].id) if rest else None
    return WalletsOut(items=[WalletOut.of(wallet) for wallet in items], next=following)


@router.post("", response={200: WalletOut, 201: WalletOut}, auth=callers(Scope.WALLETS_WRITE))
def open_wallet(request: HttpRequest, body: WalletIn) -> Status[WalletOut]:
    """Open the owner's wallet in a currency: 201, or 200 with the one that they have."""
    owner = owner_of(request, body.owner)
    currency = Currency(body.currency)
    with whole_heart() as conn:
        now = now_of(request, conn)
        opened = wallets.open_wallet(conn, owner=owner, currency=currency, now=now)
    return Status(201 if opened.created_at == now else 200, WalletOut.of(opened))


@router.get("/{wallet_id}", response=WalletOut, auth=callers(Scope.WALLETS_READ))
def get_wallet(request: HttpRequest, wallet_id: str, owner: Owner | None = None) -> WalletOut:
    """Return one wallet of the owner."""
    with whole_heart() as conn:
        found = wallets.get(
            conn, wallet_id=ids.read("wal", wallet_id), owner=owner_of(request, owner)
        )
    return WalletOut.of(found)


@router.get("/{wallet_id}/entries", response=EntriesOut, auth=callers(Scope.WALLETS_READ))
def list_entries(
    request: HttpRequest,
    wallet_id: str,
    limit: Limit = 50,
    cursor: Cursor = None,
    owner: Owner | None = None,
) -> EntriesOut:
    """Return a page of one wallet's entries with the running balance, newest first."""
    before = before_version(cursor)
    with whole_heart() as conn:
        wallet = wallets.get(
            conn, wallet_id=ids.read("wal", wallet_id), owner=owner_of(request, owner)
        )
        lines = wallets.history(conn, wallet=wallet, limit=limit, before_version=before)
    has_more = bool(lines) and lines[-1].entry.version > 1
    return EntriesOut(
        currency=wallet.currency.code,
        items=[EntryOut.of(line) for line in lines],
        next=show_cursor(lines[-1].entry.version) if has_more else None,
    )
