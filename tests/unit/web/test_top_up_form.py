"""What people type into the top-up form."""

from __future__ import annotations

import pytest

from tallystick import ids
from tallystick.money import Currency
from tallystick.payments import AmountRange
from tallystick.web.pages.forms import TopUp

LIMITS = AmountRange(10_000, 99_999_999)


def form(amount: str, code: str = "KES", **other: str) -> TopUp:
    data = {"amount": amount, "key": str(ids.new()), **other}
    return TopUp(data, currency=Currency(code), limits=LIMITS)


class TestCleanAmount:
    @pytest.mark.parametrize(
        ("typed", "code", "minor"),
        [
            ("1500", "KES", 150_000),
            ("1,500.00", "KES", 150_000),
            ("1 500.5", "KES", 150_050),
            ("KES 1,500", "KES", 150_000),
            ("  99.99 ", "KES", 9_999),
            ("1500", "JPY", 1_500),
        ],
    )
    def test_reads_what_people_type(self, typed, code, minor):
        asked = form(typed, code)
        assert asked.is_valid(), asked.errors
        assert asked.cleaned_data["amount"].minor == minor

    @pytest.mark.parametrize(
        ("typed", "code", "said"),
        [
            ("", "KES", "Type an amount."),
            ("0", "KES", "above 0"),
            ("0.00", "KES", "above 0"),
            ("-5", "KES", "above 0"),
            ("\N{MINUS SIGN}5", "KES", "above 0"),
            ("1.005", "KES", "2 decimals at most"),
            ("1.5", "JPY", "no decimals"),
            ("1e3", "KES", "in digits"),
            ("NaN", "KES", "in digits"),
            ("١٥٠٠", "KES", "in digits"),
            ("1,50", "KES", "in digits"),
            ("9" * 16, "KES", "at most"),
            ("9" * 31, "KES", "longer than any amount"),
            ("15\x0000", "KES", "Null"),
        ],
    )
    def test_refuses_in_a_sentence(self, typed, code, said):
        asked = form(typed, code)
        assert not asked.is_valid()
        assert said in " ".join(asked.errors["amount"])


class TestKey:
    @pytest.mark.parametrize("key", ["", "nonsense", "1"])
    def test_refuses_a_form_without_its_number(self, key):
        asked = form("1500", key=key)
        assert not asked.is_valid()
        assert "key" in asked.errors

    def test_renews_it_and_keeps_the_amount(self):
        asked = form("1500")
        before = asked["key"].value()
        asked.renew_key()
        assert asked["key"].value() != before
        assert asked["amount"].value() == "1500"
