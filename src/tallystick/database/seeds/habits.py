"""What the demo people spend money on, and how often: tables, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ERRANDS", "FRIENDS", "MEMBERS", "RENTS", "SALARIES", "TODAY", "TOP_UPS", "Errand"]


@dataclass(frozen=True, slots=True)
class Errand:
    """Something that people pay for again and again."""

    payee: str
    #: Shillings, in steps of so many.
    least: int
    greatest: int
    step: int
    #: Minutes of the day between which it happens.
    opens: int
    closes: int
    #: What some write beside it.
    notes: tuple[str, ...]


_RIDE = Errand("okoth_boda", 80, 220, 10, 400, 540, ("Ride to work", "Boda", "To town"))
_HOME = Errand("okoth_boda", 80, 250, 10, 1040, 1230, ("Ride home", "Boda", "With the shopping"))
_MARKET = Errand(
    *("mama_achieng", 100, 900, 10, 480, 1170),
    ("Sukuma and tomatoes", "Fruit", "Onions and dhania", "Avocados", "For the week"),
)
_MEAT = Errand(
    *("mutua", 450, 1400, 50, 600, 1170),
    ("Half a kilo of beef", "Nyama choma", "A kilo of goat", "Liver and onions"),
)
_LUNCH = Errand(
    *("fatuma", 200, 600, 10, 720, 870),
    ("Lunch", "Pilau", "Chapati and beans", "Biryani", "Samosas for two"),
)
_DUKA = Errand(
    *("njoki", 60, 750, 5, 420, 1230),
    ("Milk and bread", "Unga", "Airtime", "Cooking oil", "Soap and sugar"),
)
_TAILOR = Errand(
    *("nekesa", 600, 3800, 100, 600, 1080),
    ("Dress, deposit", "School uniform", "Hem and zip", "Kitenge shirt", "Curtains"),
)
_VEGETABLES = Errand(
    "mama_achieng", 900, 2600, 50, 390, 450, ("Vegetables for the kitchen", "Greens, onions, limes")
)
_JOINTS = Errand("mutua", 1500, 4200, 50, 400, 470, ("Meat for the kitchen", "Goat for Friday"))
_DRY = Errand("njoki", 600, 2400, 50, 420, 500, ("Rice and oil", "Flour and spices"))

#: Of a hundred days, on how many each person does what.
ERRANDS: Final = {
    who: tuple(zip((_RIDE, _HOME, _MARKET, _MEAT, _LUNCH, _DUKA, _TAILOR), percents, strict=True))
    for who, percents in (
        ("amina", (60, 45, 55, 18, 50, 45, 4)),
        ("brian", (45, 40, 30, 25, 55, 40, 2)),
        ("chebet", (55, 50, 50, 15, 45, 45, 5)),
        ("grace", (50, 45, 45, 15, 40, 40, 4)),
        ("wanjiru", (25, 20, 35, 20, 45, 30, 6)),
        ("kiprono", (15, 10, 30, 25, 30, 30, 1)),
        ("mama_achieng", (60, 30, 0, 12, 40, 40, 3)),
        ("mutua", (30, 20, 40, 0, 45, 40, 1)),
        ("okoth_boda", (0, 0, 35, 20, 65, 55, 2)),
        ("fatuma", (35, 30, 0, 0, 0, 20, 3)),
        ("nekesa", (40, 35, 45, 12, 40, 40, 0)),
        ("njoki", (35, 30, 45, 15, 45, 0, 4)),
    )
} | {"fatuma's kitchen": ((_VEGETABLES, 95), (_JOINTS, 85), (_DRY, 55))}

#: Shillings a month, from Wanjiru.
SALARIES: Final = {"amina": 64_000, "brian": 58_000, "chebet": 52_000, "grace": 56_000}
#: Shillings a month, to Kiprono.
RENTS: Final = {
    "amina": 22_000,
    "brian": 18_000,
    "chebet": 16_500,
    "grace": 17_000,
    "okoth_boda": 5_500,
    "fatuma": 28_000,
    "njoki": 12_000,
    "mutua": 8_000,
    "nekesa": 7_000,
    "mama_achieng": 6_000,
}
#: They eat out together.
FRIENDS: Final = ("amina", "brian", "chebet", "grace", "wanjiru")
#: They save together, and each week one of them gets it all.
MEMBERS: Final = ("amina", "mama_achieng", "nekesa", "chebet", "grace", "brian")
#: Shillings that each brings in by card when a wallet runs low, or as often as it takes.
TOP_UPS: Final = {
    "amina": 5_000,
    "brian": 4_000,
    "chebet": 3_000,
    "grace": 5_000,
    "wanjiru": 150_000,
    "kiprono": 20_000,
    "mama_achieng": 3_000,
    "mutua": 3_000,
    "okoth_boda": 1_500,
    "fatuma": 10_000,
    "nekesa": 3_000,
    "njoki": 5_000,
}
#: The last hours: minutes ago, payer, payee, shillings, note.
TODAY: Final = (
    (174, "amina", "okoth_boda", 150, "To the studio"),
    (151, "fatuma", "mama_achieng", 1_850, "Vegetables for the kitchen"),
    (128, "amina", "njoki", 245, "Milk and bread"),
    (97, "brian", "fatuma", 420, "Samosas for two"),
    (83, "amina", "fatuma", 380, "Pilau"),
    (61, "chebet", "amina", 1_200, "Concert ticket, thank you!"),
    (38, "wanjiru", "nekesa", 2_400, "Curtains for the studio"),
    (19, "grace", "mama_achieng", 310, "Fruit"),
    (7, "brian", "amina", 640, "My share of the dinner"),
)
