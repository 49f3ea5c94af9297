"""Find an object, or the charge that is meant; or refuse in Stripe's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.simulator.book import JsonObject
from tallystick.simulator.stripe.errors import NotAllowed, NotFound, RequestInvalid
from tallystick.simulator.stripe.model import Desk

__all__ = ["find", "paid_charge"]


def find(desk: Desk, kind: str, identity: str, *, param: str = "id") -> JsonObject:
    """Return the object of the kind; raise NotFound in Stripe's words."""
    thing = desk.book.find(kind, identity)
    if thing is None:
        label = kind.replace("checkout_session", "checkout.session")
        raise NotFound(
            f"No such {label}: '{identity[:80]}'", reason="resource_missing", param=param
        )
    return thing


def paid_charge(desk: Desk, asked: Mapping[str, Any]) -> JsonObject:
    """Return the charge that `charge` or `payment_intent` names; raise NotAllowed if unpaid."""
    if ("charge" in asked) == ("payment_intent" in asked):
        raise RequestInvalid(
            "One of the following params should be provided for this request: "
            "payment_intent or charge."
        )
    if "charge" in asked:
        charge = find(desk, "charge", asked["charge"], param="charge")
    else:
        intent = find(desk, "payment_intent", asked["payment_intent"], param="payment_intent")
        latest = intent["latest_charge"]
        charge = find(desk, "charge", latest) if latest else {"paid": False}
    if not charge["paid"]:
        raise NotAllowed("This payment does not have a successful charge to refund.")
    return charge
