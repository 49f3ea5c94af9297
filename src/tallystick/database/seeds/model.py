"""What the demo economy is made of: people, movements, and the dice that are thrown. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from tallystick.money import Money

__all__ = ["DemoPerson", "Dice", "Movement"]


class Dice(Protocol):
    """What chance is left to: the door throws it, and a seed of its own makes it repeatable."""

    def randrange(self, start: int, stop: int, /) -> int:
        """Return a whole number from `start` on, below `stop`."""
        ...


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody who lives in the demo economy."""

    #: The same in every place, so that whoever looks for them needs no list.
    id: UUID
    name: str
    handle: str
    is_operator: bool = False

    @property
    def email(self) -> str:
        """Return the address that they sign in with, at a domain that nobody can have."""
        return f"{self.handle.replace('_', '.')}@example.com"

    @property
    def owner(self) -> str:
        """Return the person as the heart names an owner."""
        return f"person:{self.id}"


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that moves once in the demo's past: a transfer, or a top-up where nobody pays."""

    at: datetime
    payer: DemoPerson | None
    payee: DemoPerson
    amount: Money
    #: One line that both sides see; empty where they wrote none.
    note: str
