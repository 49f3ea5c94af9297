"""Sharing out: nothing is lost, nobody gets a whole unit more or less than is due."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import MINOR_MAX, Currency, Money, MoneyMalformed, allocate

KES = Currency("KES")
amounts = st.integers(-MINOR_MAX, MINOR_MAX).map(lambda minor: Money(minor, KES))
weightings = st.lists(st.integers(0, 10**9), min_size=1, max_size=12).filter(any)


def shares(minor: int, weights: list[int]) -> list[int]:
    return [share.minor for share in allocate(Money(minor, KES), weights)]


class TestAllocate:
    @pytest.mark.parametrize(
        ("minor", "weights", "expected"),
        [
            (100, [1, 1, 1], [34, 33, 33]),
            (-100, [1, 1, 1], [-34, -33, -33]),
            (5, [1, 2], [2, 3]),
            (1, [0, 1, 0], [0, 1, 0]),
            (2, [1, 1, 1], [1, 1, 0]),
            (7, [70, 20, 10], [5, 1, 1]),
            (0, [3, 4], [0, 0]),
            (MINOR_MAX, [1], [MINOR_MAX]),
        ],
    )
    def test_gives_what_is_left_to_the_largest_remainders(self, minor, weights, expected):
        assert shares(minor, weights) == expected

    @given(amounts, weightings)
    def test_loses_and_makes_no_unit(self, money, weights):
        assert sum(share.minor for share in allocate(money, weights)) == money.minor

    @given(amounts, weightings)
    def test_is_within_one_unit_of_the_exact_share(self, money, weights):
        for share, weight in zip(allocate(money, weights), weights, strict=True):
            exact = Fraction(money.minor * weight, sum(weights))
            assert abs(share.minor - exact) < 1
            assert weight or not share.minor

    @given(amounts, weightings)
    def test_gives_no_smaller_share_to_a_greater_weight(self, money, weights):
        pairs = zip(weights, allocate(money, weights), strict=True)
        ordered = sorted(pairs, key=lambda pair: (pair[0], abs(pair[1].minor)))
        sizes = [abs(share.minor) for _, share in ordered]
        assert sizes == sorted(sizes)

    @given(amounts, weightings)
    def test_shares_a_debt_as_its_twin(self, money, weights):
        assert allocate(-money, weights) == [-share for share in allocate(money, weights)]

    @given(amounts, weightings, st.integers(1, 1000))
    def test_looks_at_proportions_alone(self, money, weights, factor):
        assert allocate(money, [factor * weight for weight in weights]) == allocate(money, weights)

    @pytest.mark.parametrize("weights", [[], [0], [0, 0], [1, -1], [1.0], [True], ["1"]])
    def test_refuses_what_shares_nothing_out(self, weights):
        with pytest.raises(MoneyMalformed):
            allocate(Money(100, KES), weights)
