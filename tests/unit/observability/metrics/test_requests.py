"""Requests: counted once each, and never under a label that somebody else made up."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from tallystick.observability.metrics import count_request


def _count(**labels: str) -> float:
    return REGISTRY.get_sample_value("tallystick_http_requests_total", labels) or 0


def _seconds(part: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tallystick_http_request_seconds_{part}", labels) or 0


class TestCountRequest:
    @pytest.mark.parametrize(
        ("status", "status_class"), [(200, "2xx"), (304, "3xx"), (404, "4xx"), (503, "5xx")]
    )
    def test_names_door_method_and_class_of_status(self, status: int, status_class: str) -> None:
        labels = {"door": "lane", "method": "PUT", "status_class": status_class}
        before = _count(**labels)
        count_request(door="lane", method="PUT", status=status, seconds=0.1)
        assert _count(**labels) == before + 1

    @pytest.mark.parametrize("method", ["BREW", "get", "", "\x00", "G" * 10_000])
    def test_calls_a_method_that_http_does_not_know_other(self, method: str) -> None:
        labels = {"door": "lane", "method": "other", "status_class": "4xx"}
        before = _count(**labels)
        count_request(door="lane", method=method, status=405, seconds=0.1)
        assert _count(**labels) == before + 1

    def test_keeps_the_seconds_of_each_door(self) -> None:
        before = _seconds("sum", door="django"), _seconds("bucket", door="django", le="0.25")
        count_request(door="django", method="GET", status=200, seconds=0.2)
        after = _seconds("sum", door="django"), _seconds("bucket", door="django", le="0.25")
        assert after == (pytest.approx(before[0] + 0.2), before[1] + 1)
