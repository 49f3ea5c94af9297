"""What may be enqueued, and when a run follows another."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from tallystick.jobs import ArgumentsRefused, JobRefused, rules

IDENTITY = "0192f0c1-7c1e-7aaa-8000-000000000001"


class TestBackoff:
    def test_doubles_up_to_its_bound(self) -> None:
        assert [rules.backoff_s(runs) for runs in (1, 2, 3, 4)] == [1, 2, 4, 8]
        assert rules.backoff_s(10) == 300
        assert rules.backoff_s(100_000) == 300


class TestAfterFailure:
    @pytest.mark.parametrize(
        ("runs", "spread", "expected"),
        [(1, 0.0, 0.5), (1, 0.999, 0.9995), (3, 0.0, 2.0), (7, 0.5, 48.0), (8, 0.0, None)],
    )
    def test_waits_half_to_whole_of_the_backoff_until_runs_are_spent(
        self, runs: int, spread: float, expected: float | None
    ) -> None:
        found = rules.after_failure(
            runs=runs, attempts_max=8, backoff=rules.backoff_s, spread=spread
        )
        assert found == expected

    @pytest.mark.parametrize("says", [math.nan, math.inf, -math.inf, -1.0, 1e9])
    def test_bounds_whatever_a_handler_says(self, says: float) -> None:
        found = rules.after_failure(runs=1, attempts_max=2, backoff=lambda _: says, spread=0.9)
        assert found is not None
        assert 0 <= found <= 3600


class TestAfterCrash:
    def test_comes_back_soon_the_first_time(self) -> None:
        found = rules.after_crash(
            runs=1, attempts_max=8, backoff=rules.backoff_s, stalled_after_s=10, spread=0.99
        )
        assert found is not None
        assert found < 2

    def test_counts_the_time_that_it_was_silent(self) -> None:
        found = rules.after_crash(
            runs=7, attempts_max=8, backoff=rules.backoff_s, stalled_after_s=10, spread=0.0
        )
        assert found == 54

    def test_spreads_suspects_wider_each_time(self) -> None:
        widths = [
            rules.after_crash(
                runs=runs, attempts_max=99, backoff=lambda _: 0.0, stalled_after_s=10, spread=0.5
            )
            for runs in (1, 2, 3, 50)
        ]
        assert widths == [1, 2, 3, 15]

    def test_is_for_good_once_runs_are_spent(self) -> None:
        found = rules.after_crash(
            runs=8, attempts_max=8, backoff=rules.backoff_s, stalled_after_s=10, spread=0.0
        )
        assert found is None


class TestRhythms:
    def test_let_a_worker_report_often_within_the_limit(self) -> None:
        assert rules.heartbeat_s(10) == 2
        assert rules.heartbeat_s(10) < rules.grace_s(10) < 10

    def test_respawn_at_once_and_slow_down_for_who_dies_at_once(self) -> None:
        assert rules.respawn_delay_s(0) <= 0.2
        assert rules.respawn_delay_s(1) <= 0.2
        assert rules.respawn_delay_s(50) == 10

    def test_try_again_after_trouble_ever_slower_up_to_a_bound(self) -> None:
        found = [rules.trouble_delay_s(failures) for failures in range(1, 40)]
        assert found == sorted(found)
        assert found[0] == 0.2
        assert found[-1] == 5


class TestCheck:
    def test_takes_a_name_delay_and_priority_within_bounds(self) -> None:
        rules.check(name="payments.submit", delay_s=90.5, priority=-3)

    @pytest.mark.parametrize(
        "fault",
        [
            {"name": "submit"},
            {"name": "payments.Submit"},
            {"name": "payments.submit; DROP"},
            {"name": "a." + "b" * 127},
            {"name": ""},
            {"delay_s": -1},
            {"delay_s": math.nan},
            {"delay_s": math.inf},
            {"priority": 101},
            {"priority": -101},
        ],
    )
    def test_refuses_what_is_out_of_bounds(self, fault: dict[str, Any]) -> None:
        with pytest.raises(JobRefused):
            rules.check(**{"name": "payments.submit", "delay_s": 0, "priority": 0, **fault})


class TestArguments:
    def test_are_ids_and_small_integers(self) -> None:
        text = rules.arguments_text({"payment_id": IDENTITY, "number": 3, "code": "stripe"})
        assert json.loads(text) == {"payment_id": IDENTITY, "number": 3, "code": "stripe"}

    @pytest.mark.parametrize(
        "arguments",
        [
            {"amount": 1.5},
            {"is_final": True},
            {"body": "two words"},
            {"to": "jane@example.org"},
            {"text": "é"},
            {"text": ""},
            {"text": "a" * 129},
            {"number": 2**53},
            {"nested": {"a": 1}},
            {"nothing": None},
            {"Upper": 1},
            {"": 1},
            {1: 1},
            {f"a{number}": 1 for number in range(17)},
            {f"a{number}": "x" * 128 for number in range(16)},
        ],
    )
    def test_are_nothing_else(self, arguments: Any) -> None:
        with pytest.raises(ArgumentsRefused):
            rules.arguments_text(arguments)
