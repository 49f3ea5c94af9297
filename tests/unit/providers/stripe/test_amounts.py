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

    def test_are_refused_where_a_part_is_left(self):
        with pytest.raises(MoneyMalformed):
            from_stripe(500_001, "ugx")
