"""The breakers' metrics: each call moves what its name says, and nothing else."""

from __future__ import annotations

import inspect

import pytest
from prometheus_client import REGISTRY

from tallystick.observability.metrics import BreakerMetrics
from tallystick.resilience import Meter

NAME = "unit.metrics"


def _value(name: str, **labels: str) -> float:
    asked = {"operation": NAME, **labels}
    return REGISTRY.get_sample_value(f"tallystick_breaker_{name}", asked) or 0


class TestBreakerMetrics:
    @pytest.mark.parametrize("name", [name for name in vars(Meter) if not name.startswith("_")])
    def test_keep_the_protocol_of_the_breakers(self, name: str) -> None:
        assert inspect.signature(getattr(BreakerMetrics, name)) == inspect.signature(
            getattr(Meter, name)
        )

    @pytest.mark.parametrize(("is_failure", "outcome"), [(True, "failed"), (False, "answered")])
    def test_count_calls_by_what_became_of_them(self, is_failure: bool, outcome: str) -> None:
        before = _value("calls_total", outcome=outcome), _value("call_seconds_sum")
        BreakerMetrics().called(NAME, is_failure=is_failure, seconds=0.5)
        after = _value("calls_total", outcome=outcome), _value("call_seconds_sum")
        assert after == (before[0] + 1, pytest.approx(before[1] + 0.5))

    @pytest.mark.parametrize("why", ["open", "bulkhead"])
    def test_count_calls_that_were_not_made(self, why: str) -> None:
        before = _value("calls_total", outcome=f"refused_{why}")
        BreakerMetrics().refused(NAME, why)
        assert _value("calls_total", outcome=f"refused_{why}") == before + 1

    def test_count_trips_and_show_the_state(self) -> None:
        before = _value("trips_total")
        BreakerMetrics().tripped(NAME)
        assert _value("trips_total") == before + 1
        for is_open in (True, False):
            BreakerMetrics().state(NAME, is_open=is_open)
            assert _value("open_processes") == is_open
