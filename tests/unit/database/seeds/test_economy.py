"""The demo economy's plan: repeatable, in order, covered, and such as the house would book."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tallystick.database import seeds
from tallystick.database.seeds import Movement
from tallystick.providers.stripe.amounts import COLLECTS
from tallystick.wallets import readable_note

NAIROBI = ZoneInfo("Africa/Nairobi")
NOW = datetime(2026, 11, 26, 9, 30, tzinfo=NAIROBI)
#: Also just after midnight and just before, in summer, in a leap year, and where clocks change.
MOMENTS = (
    NOW,
    datetime(2026, 11, 26, 0, 0, tzinfo=NAIROBI),
    datetime(2026, 3, 1, 23, 59, 59, tzinfo=NAIROBI),
    datetime(2028, 2, 29, 12, tzinfo=UTC),
    datetime(2026, 11, 2, 0, 5, tzinfo=ZoneInfo("America/New_York")),
)


def plan(seed: int = 1, *, now: datetime = NOW) -> tuple[Movement, ...]:
    return seeds.plan(random.Random(seed), now=now)  # noqa: S311 - chance that repeats itself


def amounts(movements: tuple[Movement, ...]) -> list[tuple[object, ...]]:
    """Return who paid whom how much, with which note, in order."""
    return [(one.payer, one.payee, one.amount, one.note) for one in movements]


class TestPlan:
    @pytest.mark.parametrize("now", MOMENTS, ids=str)
    def test_is_the_same_for_the_same_seed_on_any_day(self, now):
        assert amounts(plan(now=now)) == amounts(plan())

    def test_is_another_for_another_seed(self):
        assert amounts(plan(2)) != amounts(plan(1))

    @pytest.mark.parametrize("seed", range(1, 6))
    def test_holds_2000_movements_and_more(self, seed):
        assert len(plan(seed)) >= 2_000

    @pytest.mark.parametrize("now", MOMENTS, ids=str)
    def test_goes_in_order_from_three_months_ago_to_shortly_before_now(self, now):
        times = [one.at for one in plan(now=now)]
        assert times == sorted(times)
        assert timedelta(days=90) <= now - times[0] <= timedelta(days=92)
        assert timedelta(0) < now - times[-1] < timedelta(minutes=15)

    @pytest.mark.parametrize("seed", range(1, 6))
    def test_lets_nobody_spend_what_they_have_not(self, seed):
        balances = Counter()
        for one in plan(seed):
            assert one.amount.minor > 0
            if one.payer:
                balances[one.payer] -= one.amount.minor
                assert balances[one.payer] >= 0, one
            balances[one.payee] += one.amount.minor

    def test_brings_in_no_more_than_a_card_can_pay(self):
        limits = COLLECTS["KES"]
        brought = [one.amount.minor for one in plan() if one.payer is None]
        assert len(brought) > 30
        assert all(limits.least <= minor <= limits.greatest for minor in brought)

    def test_moves_money_between_two_people_with_a_note_that_can_be_kept(self):
        movements = plan()
        assert all(one.payer != one.payee for one in movements)
        for one in movements:
            readable_note(one.note)
        noted = sum(bool(one.note) for one in movements)
        assert len(movements) // 3 < noted < len(movements)

    def test_gives_everybody_a_life(self):
        movements = plan()
        seen = Counter(one.payer for one in movements) + Counter(one.payee for one in movements)
        assert all(seen[person] > 100 for person in seeds.CAST.values())
        notes = {one.note for one in movements if seeds.AMINA in {one.payer, one.payee}}
        assert {"Salary", "Rent", "Chama", "My share of the dinner"} <= notes


class TestCast:
    def test_has_different_people_at_an_address_that_nobody_can_have(self):
        people = list(seeds.CAST.values())
        for field in ("id", "name", "handle", "email"):
            assert len({getattr(one, field) for one in people}) == len(people)
        assert all(one.email.endswith("@example.com") for one in people)
        assert all(one.id.version == 7 for one in people)

    def test_has_one_operator_who_is_not_the_one_to_look_at_first(self):
        assert [one for one in seeds.CAST.values() if one.is_operator] == [seeds.OPERATOR]
        assert seeds.OPERATOR != seeds.AMINA
