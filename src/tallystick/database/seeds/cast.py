"""Who lives in the demo economy, and the one password that all of them have. No I/O."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from tallystick.database.seeds.model import DemoPerson

__all__ = ["AMINA", "CAST", "OPERATOR", "PASSWORD"]

#: Everybody may know it: it opens the demo people of a development place, and nothing else.
PASSWORD: Final = "two goats cross the river at noon"  # noqa: S105 - public, and refused in production

#: A UUID version 7 of a day on which nobody signed up anywhere; the cast counts on from it.
_FIRST_ID: Final = 0x01990000_0000_7000_8000_000000000000

_NAMES: Final = (
    ("Amina Odhiambo", "amina"),  # a designer at Wanjiru's studio: whom one signs in as
    ("Wanjiru Kamau", "wanjiru"),  # has the studio, and pays its salaries
    ("Joseph Kiprono", "kiprono"),  # has the flats and the stalls, and takes the rent
    ("Achieng Atieno", "mama_achieng"),  # sells vegetables and fruit
    ("Peter Mutua", "mutua"),  # sells meat
    ("Okoth Otieno", "okoth_boda"),  # rides a boda boda
    ("Fatuma Said", "fatuma"),  # cooks: lunch, dinner, the studio's team
    ("Nekesa Wafula", "nekesa"),  # sews
    ("Brian Kimani", "brian"),  # writes programs at the studio
    ("Chebet Rono", "chebet"),  # takes its photographs
    ("Njoki Githinji", "njoki"),  # has the duka, and keeps the chama's money
    ("Grace Wairimu", "grace"),  # keeps the studio's books, and runs this place
)
_OPERATOR: Final = "grace"

CAST: Final = {
    handle: DemoPerson(UUID(int=_FIRST_ID + number), name, handle, handle == _OPERATOR)
    for number, (name, handle) in enumerate(_NAMES, start=1)
}
#: Whose pages one sees first.
AMINA: Final = CAST["amina"]
#: Who may see and mend what concerns everyone.
OPERATOR: Final = CAST[_OPERATOR]
