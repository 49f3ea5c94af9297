"""Disputes: opened by a card's holder, won or lost. The merchant's own part is left out.

What is disputed is withdrawn at once, with a fee that does not come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import Change, JsonObject
from tallystick.simulator.stripe import amounts, objects
from tallystick.simulator.stripe.errors import NotAllowed
from tallystick.simulator.stripe.model import Desk, Outcome
from tallystick.simulator.stripe.operations.lookup import find, paid_charge

__all__ = ["open_dispute", "settle_dispute"]

_FEE: Final = 1_500
_OPEN: Final = frozenset(("needs_response", "under_review"))


def open_dispute(desk: Desk, asked: Mapping[str, Any]) -> Outcome:
    """Return a new dispute, of all that was not refunded unless an amount is asked.

    Raises NotAllowed for a charge that is disputed, and for more than is left of it.
    """
    charge = paid_charge(desk, asked)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = asked.get("amount", left)
    if charge["disputed"]:
        raise NotAllowed(f"Charge {charge['id']} has already been disputed.")
    if not 0 < amount <= left:
        shown = amounts.show(left, charge["currency"])
        raise NotAllowed(f"Dispute more than nothing and at most {shown}.", param="amount")
    reason, fee = asked.get("reason", "fraudulent"), asked.get("fee", _FEE)
    identity = desk.name("du")
    opened = objects.dispute(identity, charge, amount=amount, reason=reason, now=desk.now())
    entry = _entry(desk, opened, amount=-amount, category="dispute", fee=fee)
    withdrawn = {**opened, "balance_transactions": [entry]}
    return Outcome(
        withdrawn,
        [
            Change("dispute", identity, withdrawn),
            Change("balance_transaction", entry["id"], entry),
            Change("charge", charge["id"], {**charge, "disputed": True}),
        ],
        [
            ("charge.dispute.created", opened, None),
            ("charge.dispute.funds_withdrawn", withdrawn, {"balance_transactions": []}),
        ],
    )


def settle_dispute(desk: Desk, identity: str, status: str) -> Outcome:
    """Return the dispute under_review, won or lost; raise NotAllowed for one that is closed."""
    dispute = find(desk, "dispute", identity, param="dispute")
    if dispute["status"] not in _OPEN or dispute["status"] == status:
        raise NotAllowed(f"This dispute is already {dispute['status']}.")
    settled = {**dispute, "status": status}
    before = {"status": dispute["status"]}
    if status == "under_review":
        return _told(settled, [("charge.dispute.updated", settled, before)])
    if status == "lost":
        return _told(settled, [("charge.dispute.closed", settled, before)])
    entry = _entry(desk, dispute, amount=dispute["amount"], category="dispute_reversal")
    entries = dispute["balance_transactions"]
    reinstated = {
        **settled,
        "balance_transactions": [*entries, entry],
        "is_charge_refundable": True,
    }
    return _told(
        reinstated,
        [
            ("charge.dispute.funds_reinstated", reinstated, {"balance_transactions": entries}),
            ("charge.dispute.closed", reinstated, before),
        ],
        Change("balance_transaction", entry["id"], entry),
    )


def _told(
    dispute: JsonObject, events: list[tuple[str, JsonObject, JsonObject | None]], *also: Change
) -> Outcome:
    return Outcome(dispute, [Change("dispute", dispute["id"], dispute), *also], events)


def _entry(
    desk: Desk, dispute: JsonObject, *, amount: int, category: str, fee: int = 0
) -> JsonObject:
    return objects.balance_entry(
        desk.name("txn"),
        dispute["id"],
        amount=amount,
        currency=dispute["currency"],
        now=desk.now(),
        category=category,
        fee=fee,
    )
