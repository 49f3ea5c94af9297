"""Stripe's units and ours, where they differ and where they do not."""

from __future__ import annotations

import pytest

from tallystick.money import Currency, Money, MoneyMalformed
from tallystick.providers.stripe.amounts import COLLECTS, from_stripe, to_stripe


class TestAmounts:
    @pytest.mark.parametrize("code", sorted(COLLECTS))
    def test_come_back_as_they_went(self, code):
        limits = COLLECTS[code]
        for minor in (limits.least, limits.greatest):
            money = Money(minor, Currency(code))
            assert from_stripe(to_stripe(money), code.lower()) == money
            assert to_stripe(money) <= 99_999_999

    def test_are_hundredths_of_a_ugandan_shilling(self):
        assert to_stripe(Money(5000, Currency("UGX"))) == 500_000

    @pytest.mark.parametrize(
        ("code", "ours", "theirs"),
        [
            ("USD", 1_050, 1_050),
            ("JPY", 500, 500),
            ("XAF", 500, 500),
            ("ISK", 500, 50_000),
            ("MGA", 50_000, 500),
            ("KWD", 1_230, 1_230),
            ("HUF", 17_500, 17_500),
        ],
    )
    def test_are_as_stripe_counts_them(self, code, ours, theirs):
        money = Money(ours, Currency(code))
        assert to_stripe(money) == theirs
        assert from_stripe(theirs, code.lower()) == money

    @pytest.mark.parametrize(("code", "minor"), [("KWD", 1_234), ("MGA", 150)])
    def test_finer_than_stripe_takes_are_refused(self, code, minor):
        with pytest.raises(MoneyMalformed):
            to_stripe(Money(minor, Currency(code)))

    def test_are_refused_where_a_part_is_left(self):
        with pytest.raises(MoneyMalformed):
            from_stripe(500_001, "ugx")
