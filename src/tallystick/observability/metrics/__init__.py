"""Metrics: what a process counts of its work, defined here and nowhere else.

This door needs prometheus_client, so the heart does not pass it: who counts for a room of the
heart is handed to it. docs/reference/metrics.md explains each metric. Nothing here decides, and
no label has more values than one can list.
"""

from __future__ import annotations

from tallystick.observability.metrics.breakers import BreakerMetrics
from tallystick.observability.metrics.inbox import InboxMetrics, count_webhook_refused
from tallystick.observability.metrics.payments import PaymentMetrics
from tallystick.observability.metrics.requests import count_request
from tallystick.observability.metrics.writer import WriterMetrics

__all__ = [
    "BreakerMetrics",
    "InboxMetrics",
    "PaymentMetrics",
    "WriterMetrics",
    "count_request",
    "count_webhook_refused",
]
