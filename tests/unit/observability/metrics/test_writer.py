"""The Writer's metrics: each call moves what its name says, and nothing else."""

from __future__ import annotations

import inspect

import pytest
from prometheus_client import REGISTRY

from tallystick.ledger import Gauges
from tallystick.observability.metrics import WriterMetrics

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
        outcomes = ("posted", "refused", "replayed")
        before = [_value("deeds_total", outcome=outcome) for outcome in outcomes]
        WriterMetrics().batch(deeds=10, refused=3, replayed=2, seconds=0.02)
        after = [_value("deeds_total", outcome=outcome) for outcome in outcomes]
        assert after == [before[0] + 5, before[1] + 3, before[2] + 2]

    @pytest.mark.parametrize(("deeds", "le"), [(1, "1.0"), (3, "4.0"), (1024, "1024.0")])
    def test_is_kept_by_its_size_in_powers_of_two(self, deeds: int, le: str) -> None:
        before = _value("batch_deeds_bucket", le=le), _value("batch_deeds_count")
        WriterMetrics().batch(deeds=deeds, refused=0, replayed=0, seconds=0.02)
        assert _value("batch_deeds_bucket", le=le) == before[0] + 1
        assert _value("batch_deeds_count") == before[1] + 1

    def test_is_kept_by_its_seconds(self) -> None:
        before = _value("batch_seconds_sum")
        WriterMetrics().batch(deeds=1, refused=1, replayed=0, seconds=0.5)
        assert _value("batch_seconds_sum") == pytest.approx(before + 0.5)

    @pytest.mark.parametrize(("refused", "replayed"), [(2, 0), (-1, 0), (1, 1), (0, -1)])
    def test_refuses_more_of_a_kind_than_there_are(self, refused: int, replayed: int) -> None:
        before = _value("batch_deeds_count")
        with pytest.raises(AssertionError):
            WriterMetrics().batch(deeds=1, refused=refused, replayed=replayed, seconds=0.1)
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
