"""A simulated provider's journal against our books: who knows of money that the other does not.

It reads both and changes neither. What it finds in our books decides nothing.
"""

from __future__ import annotations

from tallystick.comparison.model import (
    Booking,
    Books,
    Comparison,
    Difference,
    Kind,
    Posted,
    Story,
    Sum,
    Told,
    Trouble,
)
from tallystick.comparison.queries import books
from tallystick.comparison.rules import compare
from tallystick.comparison.story import of_stripe

__all__ = [
    "Booking",
    "Books",
    "Comparison",
    "Difference",
    "Kind",
    "Posted",
    "Story",
    "Sum",
    "Told",
    "Trouble",
    "books",
    "compare",
    "of_stripe",
]
