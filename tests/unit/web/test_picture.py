"""The small picture of a balance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallystick import ids
from tallystick.ledger import Entry
from tallystick.money import Currency, Money
from tallystick.web.pages.picture import HEIGHT, WIDTH, draw

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KES = Currency("KES")


def entries(*amounts: int) -> list[Entry]:
    made, balance = [], 0
    for number, minor in enumerate(amounts, start=1):
        balance += minor
        at = NOW - timedelta(hours=len(amounts) - number + 1)
        figures = Money(minor, KES), Money(balance, KES)
        made.append(Entry(ids.new(), number, *figures, "test", ids.new(), ids.new(), at, at))
    return made[::-1]


class TestDraw:
    def test_draws_nothing_without_entries(self):
        assert draw([], now=NOW) is None

    def test_goes_in_steps_from_the_first_balance_to_now(self):
        picture = draw(entries(1000, 1000), now=NOW)
        assert picture is not None
        assert picture.line == f"M0 {HEIGHT - 6}H0V{HEIGHT // 2}H300V6H{WIDTH}"
        assert picture.ground == f"{picture.line}V{HEIGHT}H0Z"

    def test_says_between_which_balances_it_moves(self):
        picture = draw(entries(5000, -2000, 100), now=NOW)
        assert picture is not None
        assert (picture.least.minor, picture.greatest.minor) == (0, 5000)

    def test_bears_huge_and_negative_balances_and_an_entry_of_this_moment(self):
        for amounts in ((2**53 - 1,), (-500, 200), (0,)):
            assert draw(entries(*amounts), now=NOW - timedelta(days=1)) is not None
