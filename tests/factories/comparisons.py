"""A provider's story and our books that agree, for tests that plant what does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from factories.ledger import KES
from tallystick import ids
from tallystick.comparison import Booking, Books, Kind, Posted, Story, Told
from tallystick.money import Money

AMOUNT = 150_000
FEE = 1_500


@dataclass
class Pair:
    """Both sides, to be changed before they are compared."""

    payment_id: UUID = field(default_factory=ids.new)
    told: list[Told] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    postings: list[Posted] = field(default_factory=list)

    @property
    def story(self) -> Story:
        return Story(self.told, {}, 0)

    @property
    def books(self) -> Books:
        held = {"KES": sum(one.net for one in self.postings)}
        return Books(self.bookings, self.postings, held)

    def tell(self, kind: Kind, reference: str, *ways: tuple[int, ...], **more: object) -> None:
        payment = ids.show("pay", self.payment_id)
        self.told.append(Told(kind, reference, payment, "KES", ways or ((),), **more))

    def book(self, kind: Kind, reference: str, word: str, minor: int, *, fee: int = 0) -> None:
        posting = ids.new()
        amount = Money(minor, KES)
        self.bookings.append(Booking(kind, reference, word, self.payment_id, amount, posting))
        self.postings.append(Posted(posting, "KES", minor - fee, fee))


def agreeing() -> Pair:
    """Return a charge, a refund, one that failed, one that is pending, and a dispute of each."""
    pair = Pair()
    pair.tell(Kind.CHARGE, "cs_1", (AMOUNT,))
    pair.book(Kind.CHARGE, "cs_1", "settled", AMOUNT)
    pair.tell(Kind.REFUND, "re_1", (-5_000,), order="ref_1")
    pair.book(Kind.REFUND, "re_1", "settled", -5_000)
    pair.tell(Kind.REFUND, "re_failed", (), (-1_000, 1_000))
    pair.tell(Kind.REFUND, "re_back", (), (-2_000, 2_000))
    pair.book(Kind.REFUND, "re_back", "settled", -2_000)
    pair.book(Kind.REFUND, "re_back", "refund_returned", 2_000)
    pair.tell(Kind.REFUND, "re_pending")
    pair.tell(Kind.DISPUTE, "du_lost", (-3_000,), fee=FEE)
    pair.book(Kind.DISPUTE, "du_lost", "withdrawn", -3_000, fee=FEE)
    pair.tell(Kind.DISPUTE, "du_won", (-4_000, 4_000), fee=FEE)
    pair.book(Kind.DISPUTE, "du_won", "withdrawn", -4_000, fee=FEE)
    pair.book(Kind.DISPUTE, "du_won", "reinstated", 4_000)
    return pair
