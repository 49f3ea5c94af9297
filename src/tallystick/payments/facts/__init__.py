"""What a provider reports has happened: it is booked, once, and what looks wrong is reviewed.

Pure plans by kind of fact, and the one verb that does them in the caller's transaction.
"""

from __future__ import annotations

from tallystick.payments.facts.booking import book, end_refund
from tallystick.payments.facts.model import (
    Booked,
    MustAsk,
    Report,
    Result,
    Separately,
    Stranger,
)

__all__ = [
    "Booked",
    "MustAsk",
    "Report",
    "Result",
    "Separately",
    "Stranger",
    "book",
    "end_refund",
]
