"""Refunds: made, of what is left and no more, and what becomes of those that are not over.

A pending refund holds its amount. One that fails gives it back to the charge and the balance.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import Change, JsonObject
from tallystick.simulator.faults import MONEY_FAULTS
from tallystick.simulator.stripe import amounts, objects
from tallystick.simulator.stripe.errors import NotAllowed
from tallystick.simulator.stripe.model import Desk, Outcome
from tallystick.simulator.stripe.operations.lookup import find, paid_charge

__all__ = ["create_refund", "settle_refund", "settlements_due"]

_PENDING: Final = {"pending_refund": MONEY_FAULTS["pending_refund"]}
#: Test cards whose refunds change later, by their last digits: at first, and then.
_LIVES: Final = {"7726": ("pending", "succeeded"), "5126": ("succeeded", "failed")}
_SETTLES_AFTER_S: Final = 5
_LEADS_TO: Final = {"pending": ("succeeded", "failed"), "succeeded": ("failed",)}
#: Disputes that leave the money with the merchant.
_HARMLESS: Final = frozenset(("won", "warning_closed"))


def create_refund(desk: Desk, asked: Mapping[str, Any]) -> Outcome:
    """Return a refund, of what is left unless an amount is asked; raise NotAllowed beyond it."""
    charge = paid_charge(desk, asked)
    amount = _refundable(desk, charge, asked.get("amount"))
    status, settlement = _life(desk, charge)
    now, identity, balance = desk.now(), desk.name("re"), desk.name("txn")
    refund = {
        **objects.refund(identity, charge, amount=amount, balance=balance, now=now, status=status),
        "metadata": asked.get("metadata", {}),
        "reason": asked.get("reason"),
    }
    entry = objects.balance_entry(
        balance, identity, amount=-amount, currency=charge["currency"], now=now, category="refund"
    )
    before = {key: charge[key] for key in ("amount_refunded", "refunded")}
    changed = _with_refunded(charge, charge["amount_refunded"] + amount)
    return Outcome(
        refund,
        [
            Change("refund", identity, refund),
            Change("balance_transaction", balance, entry),
            Change("charge", charge["id"], changed),
            *_settled_later(identity, settlement),
        ],
        [("refund.created", refund, None), ("charge.refunded", changed, before)],
    )


def settle_refund(
    desk: Desk, identity: str, status: str, *, reason: str = "expired_or_canceled_card"
) -> Outcome:
    """Return the refund as the bank left it: succeeded, or failed for this reason.

    Raises NotAllowed for one that is over: pending leads to both, succeeded to failed alone.
    """
    refund = find(desk, "refund", identity, param="refund")
    if status not in _LEADS_TO.get(refund["status"], ()):
        raise NotAllowed(f"A refund that is {refund['status']} cannot become {status}.")
    settled = {**refund, "status": status}
    settled.pop("pending_reason", None)
    settled["destination_details"] = {
        "card": {**refund["destination_details"]["card"], "type": "refund"},
        "type": "card",
    }
    before: JsonObject = {
        name: refund[name] for name in ("status", "pending_reason") if name in refund
    }
    changes = [Change("refund_settlement", identity, {"id": identity, "due_at": None})]
    if status == "failed":
        settled["failure_reason"] = reason
        settled["failure_balance_transaction"] = desk.name("txn")
        before |= {"failure_reason": None, "failure_balance_transaction": None}
        changes += _given_back(desk, settled)
    kinds = ["refund.updated", "charge.refund.updated"]
    if status == "failed":
        kinds.append("refund.failed")
    return Outcome(
        settled,
        [Change("refund", identity, settled), *changes],
        [(kind, settled, before) for kind in kinds],
    )


def settlements_due(desk: Desk) -> list[tuple[str, str]]:
    """Return the refunds whose time has come, and what they become."""
    now = desk.book.clock()
    return [
        (one["id"], one["status"])
        for one in desk.book.newest_first("refund_settlement")
        if one["due_at"] is not None and one["due_at"] <= now
    ]


def _refundable(desk: Desk, charge: JsonObject, asked: int | None) -> int:
    """Return the amount of the refund; raise NotAllowed for what Stripe does not give back."""
    left: int = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"] and _is_charged_back(desk, charge):
        raise NotAllowed(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            reason="charge_disputed",
        )
    if left == 0:
        raise NotAllowed(
            f"Charge {charge['id']} has already been refunded.", reason="charge_already_refunded"
        )
    amount = left if asked is None else asked
    if amount > left:
        currency = charge["currency"]
        raise NotAllowed(
            f"Refund amount ({amounts.show(amount, currency)}) is greater than unrefunded "
            f"amount on charge ({amounts.show(left, currency)})",
            param="amount",
        )
    return amount


def _is_charged_back(desk: Desk, charge: JsonObject) -> bool:
    return any(
        dispute["charge"] == charge["id"] and dispute["status"] not in _HARMLESS
        for dispute in desk.book.newest_first("dispute")
    )


def _life(desk: Desk, charge: JsonObject) -> tuple[str, JsonObject | None]:
    """Return the first status of a refund, and what it becomes later, where anything."""
    fault = desk.faults.take("refund.create", family=_PENDING)
    if fault:
        later = {"due_at": desk.book.clock() + fault.after_s, "status": fault.status}
        return "pending", later if fault.status else None
    last4 = charge["payment_method_details"]["card"]["last4"]
    first, then = _LIVES.get(last4, ("succeeded", None))
    if then is None:
        return first, None
    return first, {"due_at": desk.book.clock() + _SETTLES_AFTER_S, "status": then}


def _settled_later(identity: str, settlement: JsonObject | None) -> list[Change]:
    if settlement is None:
        return []
    return [Change("refund_settlement", identity, {"id": identity, **settlement})]


def _given_back(desk: Desk, refund: JsonObject) -> list[Change]:
    """Return what a failed refund puts back: on the balance, and on the charge to be refunded."""
    charge = find(desk, "charge", refund["charge"])
    identity = refund["failure_balance_transaction"]
    entry = objects.balance_entry(
        identity,
        refund["id"],
        amount=refund["amount"],
        currency=refund["currency"],
        now=desk.now(),
        category="refund_failure",
    )
    changed = _with_refunded(charge, charge["amount_refunded"] - refund["amount"])
    return [
        Change("balance_transaction", identity, entry),
        Change("charge", charge["id"], changed),
    ]


def _with_refunded(charge: JsonObject, amount: int) -> JsonObject:
    return {**charge, "amount_refunded": amount, "refunded": amount == charge["amount_captured"]}
