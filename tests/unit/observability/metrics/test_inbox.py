"""What the inbox tells of itself is counted under the names of the page."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY

from tallystick.observability.metrics import InboxMetrics, count_webhook_refused


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"tallystick_webhooks_{name}", labels) or 0.0


class TestInboxMetrics:
    def test_counts_what_is_kept_by_how_it_came(self):
        delivered = {"provider": "stripe", "source": "delivered"}
        before = (
            value("kept_total", **delivered, seen="first"),
            value("found_total", provider="stripe"),
        )
        InboxMetrics().kept("stripe", "delivered", new=3, again=1)
        InboxMetrics().kept("stripe", "polled", new=2, again=5)
        assert value("kept_total", **delivered, seen="first") == before[0] + 3
        assert value("found_total", provider="stripe") == before[1] + 2

    def test_counts_batches(self):
        before = value("batch_events_sum"), value("batch_seconds_count")
        InboxMetrics().batch(deliveries=40, seconds=0.01)
        assert value("batch_events_sum") == before[0] + 40
        assert value("batch_seconds_count") == before[1] + 1

    def test_counts_what_a_drain_did(self):
        before = (
            value("handled_total", provider="stripe", how="postponed"),
            value("drained_events_count"),
        )
        gauges = InboxMetrics()
        gauges.handled("stripe", "postponed", 4)
        gauges.drained(events=4, oldest_s=7.5)
        assert value("handled_total", provider="stripe", how="postponed") == before[0] + 4
        assert value("drained_events_count") == before[1] + 1
        assert value("oldest_seconds") == 7.5
        gauges.drained(events=0, oldest_s=0.0)
        assert (value("oldest_seconds"), value("drained_events_count")) == (0, before[1] + 1)

    def test_counts_refusals_by_their_code(self):
        before = value("refused_total", reason="webhook_malformed")
        count_webhook_refused("webhook_malformed")
        assert value("refused_total", reason="webhook_malformed") == before + 1

    def test_knows_its_troubles(self):
        before = value("trouble_total", what="full")
        InboxMetrics().trouble("full")
        assert value("trouble_total", what="full") == before + 1
        with pytest.raises(AssertionError):
            InboxMetrics().trouble("unheard of")
