"""The Writer's metrics: each call moves what its name says, and nothing else."""

from __future__ import annotations

import inspect
from typing import Protocol

import pytest
from prometheus_client import REGISTRY

from tallystick.observability.metrics import WriterMetrics


class Gauges(Protocol):
    """What the Writer knows of its metrics."""

    def waiting(self, deeds: int) -> None: ...
    def waiting_slowly(self, deeds: int) -> None: ...
    def batch(self, *, deeds: int, refused: int, seconds: float) -> None: ...
    def waited(self, seconds: float) -> None: ...
    def trouble(self, what: str) -> None: ...


CALLS = [name for name in vars(Gauges) if not name.startswith("_")]
TROUBLES = [
    *("deadlock", "lock_timeout", "connection_lost", "outcome_asked", "outcome_unknown"),
    *("poison", "queue_full", "split", "slow_lane", "deadline"),
]


def _value(name: str, /, **labels: str) -> float:
    found = REGISTRY.get_sample_value(f"tallystick_writer_{name}", labels)
    assert found is not None, name
    return found


class TestWriterMetrics:
    @pytest.mark.parametrize("name", CALLS)
    def test_are_called_as_the_writer_calls_them(self, name: str) -> None:
        ours, theirs = getattr(WriterMetrics, name), getattr(Gauges, name)
        assert inspect.signature(ours) == inspect.signature(theirs)


class TestWaiting:
    def test_shows_the_last_figure_of_each_lane(self) -> None:
        metrics = WriterMetrics()
        metrics.waiting(7)
        metrics.waiting(5)
        metrics.waiting_slowly(2)
        assert _value("waiting_deeds") == 5
        assert _value("slow_lane_deeds") == 2


class TestBatch:
    def test_counts_each_deed_by_its_outcome(self) -> None:
        names = [("deeds_total", "posted"), ("deeds_total", "refused")]
        before = [_value(name, outcome=outcome) for name, outcome in names]
        WriterMetrics().batch(deeds=10, refused=3, seconds=0.02)
        after = [_value(name, outcome=outcome) for name, outcome in names]
        assert after == [before[0] + 7, before[1] + 3]

    @pytest.mark.parametrize(("deeds", "le"), [(1, "1.0"), (3, "4.0"), (1024, "1024.0")])
    def test_is_kept_by_its_size_in_powers_of_two(self, deeds: int, le: str) -> None:
        before = _value("batch_deeds_bucket", le=le), _value("batch_deeds_count")
        WriterMetrics().batch(deeds=deeds, refused=0, seconds=0.02)
        assert _value("batch_deeds_bucket", le=le) == before[0] + 1
        assert _value("batch_deeds_count") == before[1] + 1

    def test_is_kept_by_its_seconds(self) -> None:
        before = _value("batch_seconds_sum")
        WriterMetrics().batch(deeds=1, refused=1, seconds=0.5)
        assert _value("batch_seconds_sum") == pytest.approx(before + 0.5)

    @pytest.mark.parametrize(("deeds", "refused"), [(1, 2), (1, -1)])
    def test_refuses_more_refused_than_there_are(self, deeds: int, refused: int) -> None:
        before = _value("batch_deeds_count")
        with pytest.raises(AssertionError):
            WriterMetrics().batch(deeds=deeds, refused=refused, seconds=0.1)
        assert _value("batch_deeds_count") == before


class TestWaited:
    def test_is_kept_by_its_seconds(self) -> None:
        before = _value("wait_seconds_bucket", le="0.05"), _value("wait_seconds_sum")
        WriterMetrics().waited(0.04)
        after = _value("wait_seconds_bucket", le="0.05"), _value("wait_seconds_sum")
        assert after == (before[0] + 1, pytest.approx(before[1] + 0.04))


class TestTrouble:
    @pytest.mark.parametrize("what", TROUBLES)
    def test_counts_each_by_its_name(self, what: str) -> None:
        before = _value("trouble_total", what=what)
        WriterMetrics().trouble(what)
        assert _value("trouble_total", what=what) == before + 1

    def test_refuses_a_name_that_is_not_known(self) -> None:
        with pytest.raises(AssertionError, match="bad luck"):
            WriterMetrics().trouble("bad luck")
