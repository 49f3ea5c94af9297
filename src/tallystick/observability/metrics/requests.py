"""The server's requests: how many, answered how, and how long each took."""

from __future__ import annotations

from http import HTTPMethod
from typing import Final

from prometheus_client import Counter, Histogram

__all__ = ["count_request"]

_REQUESTS: Final = Counter(
    "tallystick_http_requests_total",
    "Requests that were answered.",
    ("door", "method", "status_class"),
)
_SECONDS: Final = Histogram(
    "tallystick_http_request_seconds",
    "From a request's head to its whole reply, in seconds.",
    ("door",),
    # The lane answers below a millisecond; a body may take ten seconds, and then Django works.
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25),
)
_METHODS: Final = frozenset(HTTPMethod)
#: What stands for a method that somebody made up: a label for each would have no end.
_OTHER: Final = "other"


def count_request(*, door: str, method: str, status: int, seconds: float) -> None:
    """Count one request: the door that answered it, and the seconds from its head to its reply."""
    known = method if method in _METHODS else _OTHER
    _REQUESTS.labels(door, known, f"{status // 100}xx").inc()
    _SECONDS.labels(door).observe(seconds)
