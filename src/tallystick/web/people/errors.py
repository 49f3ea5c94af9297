"""Why the people's room refuses.

PersonNotFound   nobody signs in with this e-mail address
NamesTaken       somebody else has an address or a handle that newcomers were to get
"""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.errors import TallystickError

__all__ = ["NamesTaken", "PersonNotFound"]


class PersonNotFound(TallystickError):
    """Nobody signs in with this e-mail address."""

    code = "person_not_found"
    field = "email"


class NamesTaken(TallystickError):
    """Somebody else has an address or a handle that newcomers were to get."""

    code = "names_taken"

    def __init__(self, names: Sequence[str]) -> None:
        """Keep the addresses and handles that are taken."""
        super().__init__(f"Somebody else has: {', '.join(names)}.")
        self.names = tuple(names)
