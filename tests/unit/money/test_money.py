"""Money: exact, immutable, strict; its laws by Hypothesis."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.money import (
    MINOR_MAX,
    Currency,
    CurrencyMismatch,
    CurrencyUnknown,
    Money,
    MoneyMalformed,
)

KES, JPY, KWD = Currency("KES"), Currency("JPY"), Currency("KWD")
minors = st.integers(-(MINOR_MAX // 2), MINOR_MAX // 2)


class TestCurrency:
    @pytest.mark.parametrize(("code", "exponent"), [("KES", 2), ("JPY", 0), ("KWD", 3), ("UGX", 0)])
    def test_knows_its_minor_unit(self, code, exponent):
        assert Currency(code).exponent == exponent

    @pytest.mark.parametrize(
        "code", [None, 5, b"KES", "kes", "Kes", "KE", "KESS", "", "XXX", "XAU", "ＫＥＳ", "KES "]
    )
    def test_refuses_what_money_is_not_held_in(self, code):
        with pytest.raises(CurrencyUnknown):
            Currency(code)


class TestMoney:
    @pytest.mark.parametrize("minor", [1.0, True, "5", None])
    def test_refuses_what_is_no_integer(self, minor):
        with pytest.raises(MoneyMalformed):
            Money(minor, KES)

    @pytest.mark.parametrize("minor", [MINOR_MAX + 1, -MINOR_MAX - 1, 10**500])
    def test_refuses_what_json_readers_would_round(self, minor):
        with pytest.raises(MoneyMalformed):
            Money(minor, KES)

    def test_does_not_change(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            Money(1, KES).minor = 2  # type: ignore[misc]

    def test_does_not_add_two_currencies(self):
        with pytest.raises(CurrencyMismatch):
            Money(1, KES) + Money(1, JPY)

    @given(minors, minors)
    def test_adds_and_takes_away_exactly(self, one, other):
        total = Money(one, KES) + Money(other, KES)
        assert total - Money(other, KES) == Money(one, KES)
        assert total + -total == Money(0, KES)

    @pytest.mark.parametrize(
        ("money", "text"),
        [
            (Money(1500, KES), "KES 15.00"),
            (Money(5, KES), "KES 0.05"),
            (Money(-5, KES), "KES -0.05"),
            (Money(1500, JPY), "JPY 1,500"),
            (Money(-123_456_789, KES), "KES -1,234,567.89"),
            (Money(1, KWD), "KWD 0.001"),
        ],
    )
    def test_shows_all_its_decimals_in_groups(self, money, text):
        assert str(money) == text

    @pytest.mark.parametrize("currency", ["KES", None, 5])
    def test_refuses_what_is_no_currency(self, currency):
        with pytest.raises(MoneyMalformed):
            Money(1, currency)


class TestParseMajor:
    @pytest.mark.parametrize(
        ("text", "minor"),
        [
            ("15", 1500),
            ("15.5", 1550),
            ("0.01", 1),
            ("1,500.00", 150000),
            (" 7 ", 700),
            ("007", 700),
        ],
    )
    def test_reads_what_a_person_types(self, text, minor):
        assert Money.parse_major(text, KES) == Money(minor, KES)

    @pytest.mark.parametrize(
        "text",
        [
            "", "-1", "+1", "1e3", "1.005", "1,5", "1,50", ",5", "1.", ".5", "NaN", "Infinity",
            "1_000", "0x10", "١٥", "１５", "15 00", "1.0.0", "9" * 400, "1500,00.00",
        ],
    )  # fmt: skip
    def test_refuses_what_it_would_have_to_guess(self, text):
        with pytest.raises(MoneyMalformed):
            Money.parse_major(text, KES)

    def test_refuses_decimals_that_the_currency_has_not(self):
        with pytest.raises(MoneyMalformed, match="no decimals"):
            Money.parse_major("15.0", JPY)

    @given(st.integers(0, MINOR_MAX), st.sampled_from([KES, JPY, KWD]))
    def test_reads_back_what_is_shown(self, minor, currency):
        money = Money(minor, currency)
        assert Money.parse_major(money.major, currency) == money
