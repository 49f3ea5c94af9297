"""The selftest's steps that give a part of a top-up back, and see the provider say the same.

An operator's program does it: through the HTTP door, with a key of its own that ends soon.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, Final

import httpx

from tallystick import db, keys
from tallystick.cli.walk import StepFailed, Walk
from tallystick.keys import Scope
from tallystick.simulator import read_journal

__all__ = ["give_back", "refuse_more", "see_journal"]

_KEY_NAME: Final = "selftest"
_KEY_LIFE: Final = timedelta(minutes=5)
_PATIENCE_S: Final = 10


def give_back(walking: Walk, minor: int) -> str:
    """Refund so many minor units of the payment, asked twice, and wait until that is settled."""
    with _operator(walking) as program:
        key = secrets.token_hex(16)
        first, again = (_ask(walking, program, minor, key) for _ in range(2))
        if not first.is_success:
            raise StepFailed(f"The refund answered {first.status_code}: {first.text[:300]}")
        if first.json()["id"] != again.json().get("id"):
            raise StepFailed("The same key made two refunds.")
        shown = str(first.json()["id"])
        walking.until("the refund to settle", lambda: _is_settled(walking, shown))
    return shown


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
    """Ask for more than is left, and see it refused with 409, without a trace."""
    with _operator(walking) as program:
        before = _refunds(walking)
        answer = _ask(walking, program, minor, secrets.token_hex(16))
        found = (answer.status_code, answer.json().get("code"))
        if found != (httpx.codes.CONFLICT, "refund_too_large"):
            raise StepFailed(f"A refund of more than is left answered {found}.")
        if _refunds(walking) != before:
            raise StepFailed("The refused refund left a trace.")
    return str(answer.json()["detail"])


def _operator(walking: Walk) -> httpx.Client:
    """Return a program's client, with a key for every owner that ends in some minutes."""
    with walking.house.pool.transaction() as conn:
        now = db.now(conn)
        issued = keys.issue(
            conn,
            name=_KEY_NAME,
            scopes=[Scope.REFUNDS_WRITE],
            owner=None,
            environment=walking.house.key_environment,
            randomness=secrets.token_bytes(keys.RANDOM_BYTES),
            now=now,
            expires_at=now + _KEY_LIFE,
        )
    return httpx.Client(
        base_url=f"{walking.settings.public_url}/api/payments/{walking.payment['id']}",
        headers={"Authorization": f"Bearer {issued.text}"},
        timeout=_PATIENCE_S,
    )


def _ask(walking: Walk, program: httpx.Client, minor: int, key: str) -> httpx.Response:
    asked = {"amount": minor, "currency": walking.first.wallet["currency"]}
    return program.post("/refunds", json=asked, headers={"Idempotency-Key": key})


def _refunds(walking: Walk) -> list[dict[str, Any]]:
    """Return the payment's refunds as its own person sees them."""
    path = f"/payments/{walking.payment['id']}/refunds"
    items: list[dict[str, Any]] = walking.first.api("GET", path)["items"]
    return items


def _is_settled(walking: Walk, shown: str) -> bool:
    states = {one["id"]: one["state"] for one in _refunds(walking)}
    if states.get(shown) == "failed":
        raise StepFailed("The refund failed.")
    return states.get(shown) == "settled"
