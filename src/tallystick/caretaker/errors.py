"""What can go wrong between who gives an order and the caretaker.

CaretakerError
├── CaretakerAway    nobody answers: what was asked for may have been done or not
└── OrderRefused     the caretaker does not do it, and says why
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["CaretakerAway", "CaretakerError", "OrderRefused"]


class CaretakerError(TallystickError):
    """An order was not carried out."""

    code = "caretaker_error"


class CaretakerAway(CaretakerError):
    """No caretaker answers."""

    code = "caretaker_away"


class OrderRefused(CaretakerError):
    """The caretaker refuses; the text is its sentence for the person."""

    code = "caretaker_refused"
