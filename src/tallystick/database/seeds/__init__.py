"""The demo economy: who lives in it, every movement of their money, what became of payments.

A plan, for development, and the few calls that write what no room's verb would. The same dice
give the same amounts in the same order, whatever the day; only the times go with it.
"""

from __future__ import annotations

from tallystick.database.seeds.cast import AMINA, CAST, OPERATOR, PASSWORD
from tallystick.database.seeds.economy import plan
from tallystick.database.seeds.model import DemoPerson, Dice, Movement
from tallystick.database.seeds.rows import Rows, Undone, rows
from tallystick.database.seeds.store import is_fresh, keep, take_turn
from tallystick.database.seeds.tales import AFTERMATHS, Aftermath, Tale, fresh, of_movements

__all__ = [
    "AFTERMATHS",
    "AMINA",
    "CAST",
    "OPERATOR",
    "PASSWORD",
    "Aftermath",
    "DemoPerson",
    "Dice",
    "Movement",
    "Rows",
    "Tale",
    "Undone",
    "fresh",
    "is_fresh",
    "keep",
    "of_movements",
    "plan",
    "rows",
    "take_turn",
]
