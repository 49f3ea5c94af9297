"""Money, times and browsers as pages show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.money import Currency, Money
from tallystick.web.pages.templatetags import show

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NBSP = "\N{NO-BREAK SPACE}"


class TestMoney:
    @pytest.mark.parametrize(
        ("minor", "code", "expected"),
        [
            (150_000, "KES", f"KES{NBSP}1,500.00"),
            (0, "KES", f"KES{NBSP}0.00"),
            (5, "USD", f"USD{NBSP}0.05"),
            (-150_005, "KES", f"KES{NBSP}\N{MINUS SIGN}1,500.05"),
            (1_234_567, "JPY", f"JPY{NBSP}1,234,567"),
            (1_234_567, "KWD", f"KWD{NBSP}1,234.567"),
            (2**53 - 1, "KES", f"KES{NBSP}90,071,992,547,409.91"),
        ],
    )
    def test_groups_by_thousands_and_keeps_every_digit(self, minor, code, expected):
        assert show.money(Money(minor, Currency(code))) == expected

    def test_carries_the_sign_of_an_entry(self):
        kes = Currency("KES")
        assert show.signed(Money(5, kes)) == "+0.05"
        assert show.signed(Money(-5, kes)) == "\N{MINUS SIGN}0.05"
        assert show.signed(Money(0, kes)) == "0.00"


class TestWhen:
    @pytest.mark.parametrize(
        ("past", "expected"),
        [
            (timedelta(seconds=5), "just now"),
            (timedelta(seconds=-5), "just now"),
            (timedelta(minutes=7), "7 min ago"),
            (timedelta(hours=3), "12:00"),
            (timedelta(days=1), "Sun 15:00"),
            (timedelta(days=30), "24 Oct 2026, 15:00"),
        ],
    )
    def test_says_it_as_a_person_would_in_our_time_zone(self, past, expected):
        assert f">{expected}</time>" in show.when(NOW - past, NOW)

    def test_keeps_the_exact_time_for_whoever_needs_it(self):
        shown = show.when(NOW, NOW)
        assert 'datetime="2026-11-23T15:00:00+03:00"' in shown
        assert 'title="Monday 23 November 2026, 15:00:00 EAT"' in shown


class TestWhenUnder:
    @pytest.mark.parametrize(
        ("heading", "past", "expected"),
        [
            (timedelta(minutes=7), timedelta(minutes=7), "7 min ago"),
            (timedelta(hours=3), timedelta(hours=3), "12:00"),
            (timedelta(days=1), timedelta(days=1), "15:00"),
            (timedelta(days=30), timedelta(days=30), "15:00"),
            (timedelta(days=1), timedelta(days=3), "Fri 15:00"),
            (timedelta(days=1), timedelta(days=30), "24 Oct 2026, 15:00"),
        ],
    )
    def test_says_the_day_only_where_the_heading_names_another(self, heading, past, expected):
        assert f">{expected}</time>" in show.when_under(NOW - heading, NOW - past, NOW)


class TestDay:
    @pytest.mark.parametrize(
        ("past", "expected"),
        [
            (timedelta(), "Today"),
            (timedelta(hours=16), "Yesterday"),
            (timedelta(days=3), "Friday 20 November"),
            (timedelta(days=400), "Sunday 19 October 2025"),
        ],
    )
    def test_names_the_day_where_the_person_is(self, past, expected):
        assert show.day(NOW - past, NOW) == expected


class TestBrowser:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            ("Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0 Safari/537.36", "Chrome on Linux"),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18) Version/18 Safari/604", "Safari on iPhone"),
            ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537 Edg/140.0", "Edge on Windows"),
            ("curl/8.0", "curl/8.0"),
            ("", "Unknown"),
        ],
    )
    def test_is_named_as_people_know_it(self, words, expected):
        assert show.browser(words) == expected
