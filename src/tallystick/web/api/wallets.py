"""`/api/wallets`: the caller's wallets."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from tallystick import ids, wallets
from tallystick.web.api.queries import Cursor, Limit, cursor_of, read_cursor
from tallystick.web.api.schemas import WalletOut, WalletsOut
from tallystick.web.api.session import owner_of
from tallystick.web.database import heart

__all__ = ["router"]

router = Router(tags=["wallets"])


@router.get("", response=WalletsOut)
def list_wallets(request: HttpRequest, limit: Limit = 50, cursor: Cursor = None) -> WalletsOut:
    """Return the caller's wallets; `next` is the cursor of the part that follows."""
    after = read_cursor(cursor)
    with heart() as conn:
        found = wallets.of_owner(conn, owner=owner_of(request))
    # A person has few wallets, one a currency: the part is cut here.
    ordered = sorted(found, key=lambda wallet: wallet.id)
    left = [wallet for wallet in ordered if after is None or wallet.id > after]
    items, rest = left[:limit], left[limit:]
    following = cursor_of(items[-1].id) if rest else None
    return WalletsOut(items=[WalletOut.of(wallet) for wallet in items], next=following)


@router.get("/{wallet_id}", response=WalletOut)
def get_wallet(request: HttpRequest, wallet_id: str) -> WalletOut:
    """Return one wallet of the caller."""
    with heart() as conn:
        found = wallets.get(conn, wallet_id=ids.read("wal", wallet_id), owner=owner_of(request))
    return WalletOut.of(found)
