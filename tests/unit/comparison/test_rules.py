"""Each kind of difference is planted between two sides that agree, and found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from factories import comparisons as factory
from factories.comparisons import AMOUNT, Pair
from tallystick import ids
from tallystick.comparison import Kind, Trouble, compare
from tallystick.money import Currency, Money

T = Trouble


def found(pair: Pair) -> list[tuple[Trouble, str]]:
    return [(one.trouble, one.about) for one in compare(pair.story, pair.books).differences]


def change(rows: list, place: int, **fields: object) -> None:
    rows[place] = replace(rows[place], **fields)


def forgotten(pair: Pair) -> None:
    del pair.bookings[0], pair.postings[0]


def unknown_there(pair: Pair) -> None:
    del pair.told[0]


def not_done(pair: Pair) -> None:
    pair.book(Kind.REFUND, "re_pending", "settled", -1)


def booked_twice(pair: Pair) -> None:
    pair.book(Kind.CHARGE, "cs_1", "late", AMOUNT)


def refunded_twice(pair: Pair) -> None:
    pair.tell(Kind.REFUND, "re_2", (-5_000,), order="ref_1")
    pair.book(Kind.REFUND, "re_2", "settled", -5_000)


def other_amount(pair: Pair) -> None:
    change(pair.told, 0, ways=((AMOUNT + 1,),))


def other_currency(pair: Pair) -> None:
    amount = Money(AMOUNT, Currency("USD"))
    change(pair.bookings, 0, amount=amount)
    change(pair.postings, 0, currency="USD")


def other_fee(pair: Pair) -> None:
    change(pair.told, 5, fee=factory.FEE + 1)


def other_payment(pair: Pair) -> None:
    change(pair.bookings, 0, payment_id=ids.new())


def no_posting(pair: Pair) -> None:
    del pair.postings[0]


def other_posting(pair: Pair) -> None:
    change(pair.postings, 0, net=AMOUNT - 1)


def no_reason(pair: Pair) -> None:
    del pair.bookings[0]


def not_returned(pair: Pair) -> None:
    del pair.bookings[3], pair.postings[3]
    del pair.bookings[2], pair.postings[2]
    change(pair.told, 3, ways=((-2_000,),))


class TestCompare:
    def test_finds_nothing_where_both_agree(self) -> None:
        pair = factory.agreeing()
        comparison = compare(pair.story, pair.books)
        assert comparison.differences == []
        assert comparison.compared == {Kind.CHARGE: 1, Kind.REFUND: 4, Kind.DISPUTE: 2}
        [total] = comparison.sums
        assert total.provider == total.books == AMOUNT - 5_000 - 3_000 - 2 * factory.FEE

    @pytest.mark.parametrize(
        ("plant", "about", "troubles"),
        [
            (forgotten, "cs_1", [T.NOT_BOOKED, T.OTHER_SUM]),
            (unknown_there, "cs_1", [T.UNKNOWN_THERE, T.OTHER_SUM]),
            (not_done, "re_pending", [T.NOT_DONE, T.OTHER_SUM]),
            (booked_twice, "cs_1", [T.BOOKED_TWICE, T.OTHER_SUM]),
            (refunded_twice, "ref_1", [T.DONE_TWICE]),
            (other_amount, "cs_1", [T.OTHER_AMOUNT, T.OTHER_SUM]),
            (other_currency, "cs_1", [T.OTHER_AMOUNT]),
            (other_fee, "du_lost", [T.OTHER_AMOUNT, T.OTHER_SUM]),
            (other_payment, "cs_1", [T.OTHER_PAYMENT]),
            (no_posting, "cs_1", [T.NO_POSTING, T.OTHER_SUM]),
            (other_posting, "cs_1", [T.OTHER_POSTING, T.OTHER_SUM]),
            (no_reason, None, [T.NOT_BOOKED, T.NO_REASON]),
            (not_returned, "re_back", [T.NOT_BOOKED, T.OTHER_SUM]),
        ],
    )
    def test_finds_what_is_planted(
        self, plant: Callable[[Pair], None], about: str | None, troubles: list[Trouble]
    ) -> None:
        pair = factory.agreeing()
        plant(pair)
        differences = found(pair)
        assert [trouble for trouble, _ in differences] == troubles
        assert about in {None, differences[0][1]}

    def test_takes_money_for_no_payment_of_ours_as_booked(self) -> None:
        pair = factory.agreeing()
        change(pair.bookings, 0, payment_id=None)
        assert found(pair) == []
