"""Why the people's room refuses.

PersonNotFound   nobody signs in with this e-mail address
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["PersonNotFound"]


class PersonNotFound(TallystickError):
    """Nobody signs in with this e-mail address."""

    code = "person_not_found"
    field = "email"
