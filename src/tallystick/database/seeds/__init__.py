"""The demo economy: who lives in it, and every movement of their money in the last three months.

A plan alone, for development: it writes nothing. The same dice give the same amounts in the same
order, whatever the day; only the times go with it.
"""

from __future__ import annotations

from tallystick.database.seeds.cast import AMINA, CAST, OPERATOR, PASSWORD
from tallystick.database.seeds.economy import plan
from tallystick.database.seeds.model import DemoPerson, Dice, Movement
from tallystick.database.seeds.store import is_fresh, take_turn

__all__ = [
    "AMINA",
    "CAST",
    "OPERATOR",
    "PASSWORD",
    "DemoPerson",
    "Dice",
    "Movement",
    "is_fresh",
    "plan",
    "take_turn",
]
