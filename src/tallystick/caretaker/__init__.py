"""The caretaker: a parent of processes that takes a few orders about them, from its own user alone.

`tallystick start` keeps one for `/dev/lab`. It can do nothing but what its list of orders says, and
nothing to a process that is not its own. Never in production.
"""

from __future__ import annotations

from tallystick.caretaker.call import ask
from tallystick.caretaker.door import Door
from tallystick.caretaker.errors import CaretakerAway, CaretakerError, OrderRefused
from tallystick.caretaker.model import Answer, Member, Order

__all__ = [
    "Answer",
    "CaretakerAway",
    "CaretakerError",
    "Door",
    "Member",
    "Order",
    "OrderRefused",
    "ask",
]
