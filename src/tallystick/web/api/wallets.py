"""`/api/wallets`: the caller's wallets."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from tallystick import ids, wallets
from tallystick.web.api.schemas import WalletOut
from tallystick.web.api.session import owner_of
from tallystick.web.database import heart

__all__ = ["router"]

router = Router(tags=["wallets"])


@router.get("", response=list[WalletOut])
def list_wallets(request: HttpRequest) -> list[WalletOut]:
    """Return all wallets of the caller."""
    with heart() as conn:
        found = wallets.of_owner(conn, owner=owner_of(request))
    return [WalletOut.of(wallet) for wallet in found]


@router.get("/{wallet_id}", response=WalletOut)
def get_wallet(request: HttpRequest, wallet_id: str) -> WalletOut:
    """Return one wallet of the caller."""
    with heart() as conn:
        found = wallets.get(conn, wallet_id=ids.read("wal", wallet_id), owner=owner_of(request))
    return WalletOut.of(found)
