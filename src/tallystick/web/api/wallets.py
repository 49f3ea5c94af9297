"""`/api/wallets`: the wallets of the owner for whom the caller acts, and their entries."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from tallystick import ids, wallets
from tallystick.keys import Scope
from tallystick.web.api import paging
from tallystick.web.api.bearer import callers
from tallystick.web.api.queries import Cursor, Limit, cursor_of, read_cursor
from tallystick.web.api.schemas import EntriesOut, EntryOut, Owner, WalletOut, WalletsOut
from tallystick.web.api.session import owner_of
from tallystick.web.database import heart

__all__ = ["router"]

router = Router(tags=["wallets"])


@router.get("", response=WalletsOut, auth=callers(Scope.WALLETS_READ))
def list_wallets(
    request: HttpRequest, limit: Limit = 50, cursor: Cursor = None, owner: Owner | None = None
) -> WalletsOut:
    """Return the owner's wallets; `next` is the cursor of the part that follows."""
    after = read_cursor(cursor)
    named = owner_of(request, owner)
    with heart() as conn:
        found = wallets.of_owner(conn, owner=named)
    # An owner has few wallets, one a currency: the part is cut here.
    ordered = sorted(found, key=lambda wallet: wallet.id)
    left = [wallet for wallet in ordered if after is None or wallet.id > after]
    items, rest = left[:limit], left[limit:]
    following = cursor_of(items[-1].id) if rest else None
    return WalletsOut(items=[WalletOut.of(wallet) for wallet in items], next=following)


@router.get("/{wallet_id}", response=WalletOut, auth=callers(Scope.WALLETS_READ))
def get_wallet(request: HttpRequest, wallet_id: str, owner: Owner | None = None) -> WalletOut:
    """Return one wallet of the owner."""
    with heart() as conn:
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
    before = None if cursor is None else paging.read_cursor(cursor)
    with heart() as conn:
        wallet = wallets.get(
            conn, wallet_id=ids.read("wal", wallet_id), owner=owner_of(request, owner)
        )
        lines = wallets.history(conn, wallet=wallet, limit=limit, before_version=before)
    has_more = bool(lines) and lines[-1].entry.version > 1
    return EntriesOut(
        currency=wallet.currency.code,
        entries=[EntryOut.of(line) for line in lines],
        next_cursor=paging.show_cursor(lines[-1].entry.version) if has_more else None,
    )
