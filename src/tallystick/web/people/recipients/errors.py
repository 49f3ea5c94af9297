"""Why nobody is found.

RecipientUnknown   nobody can be paid under this name in this currency
LookupsSpent       the person has asked too often
"""

from __future__ import annotations

from tallystick.errors import TallystickError
from tallystick.web.problems import DoorError

__all__ = ["LookupsSpent", "RecipientUnknown"]


class RecipientUnknown(TallystickError):
    """Nobody can be paid under this name in this currency."""

    code = "recipient_unknown"
    field = "to"

    def __init__(self) -> None:
        """Say the same whatever the reason is."""
        super().__init__("Nobody can be paid under this name in this currency.")


class LookupsSpent(DoorError):
    """The person has asked for recipients too often in the last minute."""

    code = "too_many_requests"

    def __init__(self) -> None:
        """Say when to try again."""
        super().__init__(
            "You have looked for recipients too often. Wait a minute, then try again.",
            headers={"Retry-After": "60"},
        )
