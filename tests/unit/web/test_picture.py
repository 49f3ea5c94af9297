"""The small picture of a balance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallystick import ids
from tallystick.ledger import Entry
from tallystick.money import Currency, Money
from tallystick.web.pages.picture import HEIGHT, SPAN, WIDTH, draw

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KES = Currency("KES")


def entries(*amounts: int) -> list[Entry]:
    """Return entries of the last hours, one each hour, newest first."""
    ago = (timedelta(hours=len(amounts) - place) for place in range(len(amounts)))
    return made([(NOW - one, minor) for one, minor in zip(ago, amounts, strict=True)])


def entries_at(told: list[tuple[int, int]]) -> list[Entry]:
    """Return entries of so many days ago and so many minor units, newest first."""
    return made([(NOW - timedelta(days=days), minor) for days, minor in told])


def made(told: list[tuple[datetime, int]]) -> list[Entry]:
    """Return entries, newest first; all were booked just now, whenever they happened."""
    found, balance = [], 0
    for number, (at, minor) in enumerate(told, start=1):
        balance += minor
        figures = Money(minor, KES), Money(balance, KES)
        found.append(Entry(ids.new(), number, *figures, "test", ids.new(), ids.new(), at, NOW))
    return found[::-1]


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

    def test_goes_90_days_back_and_begins_with_what_was_there(self):
        picture = draw(entries_at([(200, 5000), (120, -1000), (45, 6000)]), now=NOW)
        assert picture is not None
        assert picture.since == NOW - SPAN == NOW - timedelta(days=90)
        assert (picture.least.minor, picture.greatest.minor) == (4000, 10_000)
        assert picture.line == f"M0 {HEIGHT - 6 - 4000 * 84 // 10_000}H300V6H{WIDTH}"

    def test_begins_with_the_first_entry_of_a_wallet_that_is_younger(self):
        picture = draw(entries_at([(30, 5000), (15, 5000)]), now=NOW)
        assert picture is not None
        assert picture.since == NOW - timedelta(days=30)

    def test_is_a_flat_line_where_nothing_happened_since(self):
        picture = draw(entries_at([(200, 5000)]), now=NOW)
        assert picture is not None
        assert (picture.since, picture.line) == (NOW - SPAN, f"M0 6H{WIDTH}")

    def test_never_goes_back_where_news_came_late(self):
        picture = draw(entries_at([(60, 1000), (30, 1000), (45, 1000)]), now=NOW)
        assert picture is not None
        across = [int(step.partition("V")[0]) for step in picture.line.split("H")[1:]]
        assert across == [0, 300, 300, WIDTH]
