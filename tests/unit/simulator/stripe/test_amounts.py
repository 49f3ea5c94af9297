"""Amounts in Stripe's unit: bounds, currencies that differ from ISO, and fees."""

from __future__ import annotations

import pytest

from tallystick.simulator.stripe.amounts import check_currency, check_total, fee_of, show
from tallystick.simulator.stripe.errors import RequestInvalid


class TestCheckTotal:
    @pytest.mark.parametrize(
        ("amount", "currency", "reason"),
        [
            (49, "usd", "amount_too_small"),
            (29, "gbp", "amount_too_small"),
            (0, "kes", "amount_too_small"),
            (100_000_000, "kes", "amount_too_large"),
            (1_005, "kwd", "parameter_invalid_integer"),
            (150, "ugx", "parameter_invalid_integer"),
        ],
    )
    def test_refuses_what_stripe_refuses(self, amount: int, currency: str, reason: str) -> None:
        with pytest.raises(RequestInvalid) as refused:
            check_total(amount, currency, param="line_items")
        assert (refused.value.reason, refused.value.param) == (reason, "line_items")

    @pytest.mark.parametrize(
        ("amount", "currency"),
        [(50, "usd"), (99_999_999, "kes"), (1_010, "kwd"), (200, "ugx"), (50, "jpy")],
    )
    def test_takes_what_stripe_takes(self, amount: int, currency: str) -> None:
        check_total(amount, currency, param="line_items")


class TestCheckCurrency:
    def test_takes_both_cases(self) -> None:
        assert check_currency("KES", param="currency") == "kes"

    @pytest.mark.parametrize("code", ["", "kesh", "zzz", "k s"])
    def test_refuses_what_is_no_currency(self, code: str) -> None:
        with pytest.raises(RequestInvalid):
            check_currency(code, param="currency")


class TestShow:
    @pytest.mark.parametrize(
        ("amount", "currency", "text"),
        [
            (150_000, "kes", "KES 1,500.00"),
            (5, "usd", "USD 0.05"),
            (1_500, "jpy", "JPY 1,500"),
            (1_500, "kwd", "KWD 1.500"),
            (150_000, "ugx", "UGX 1,500.00"),
        ],
    )
    def test_writes_the_amount_for_people(self, amount: int, currency: str, text: str) -> None:
        assert show(amount, currency) == text


class TestFeeOf:
    @pytest.mark.parametrize(("amount", "fee"), [(150_000, 4_380), (50, 31), (20, 20)])
    def test_is_a_part_and_a_fixed_sum_at_most_the_amount(self, amount: int, fee: int) -> None:
        assert fee_of(amount) == fee
