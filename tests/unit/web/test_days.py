"""The day under which an entry stands: the world's, and never one before an older entry's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import django
import pytest

from tallystick import ids
from tallystick.ledger import Entry
from tallystick.money import Currency, Money

django.setup()

from tallystick.web.pages.wallet import days  # noqa: E402 - Django has to stand first

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE = Money(1, Currency("KES"))


def entry(days_ago: int) -> Entry:
    """Return an entry of something that happened so long ago, and was booked now."""
    at = NOW - timedelta(days=days_ago)
    return Entry(ids.new(), 1, ONE, ONE, "test", ids.new(), ids.new(), at, NOW)


class TestDays:
    @pytest.mark.parametrize(
        ("happened", "stands"),
        [
            ([], []),
            ([0, 1, 5], [0, 1, 5]),
            ([0, 3, 1], [0, 1, 1]),
            ([4, 0, 2, 1], [0, 0, 1, 1]),
        ],
    )
    def test_go_back_only_whatever_came_late(self, happened, stands):
        expected = [NOW - timedelta(days=ago) for ago in stands]
        assert days([entry(ago) for ago in happened]) == expected
