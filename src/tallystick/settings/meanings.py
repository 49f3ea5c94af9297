"""Meanings of settings that are kept apart from the model, for its size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from tallystick.settings.kinds import Count, Note

__all__ = [
    "BreakerOpenFor",
    "BreakerVolume",
    "BreakerWindow",
    "CallsMax",
    "Caretaker",
    "MetricsPort",
    "WorkerMetricsPort",
]

_PLACE: Final = "Kind of environment"
_CALLS: Final = "Calls to providers"
_METRICS: Final = "Metrics"

#: A breaker that nobody has called for an hour is forgotten: nothing here comes near that.
_UpToFiveMinutes = Annotated[int, Field(ge=1, le=300)]

BreakerWindow = Annotated[
    _UpToFiveMinutes,
    Note(_CALLS, "A breaker counts an operation's calls of so many last seconds.", "30"),
]
BreakerVolume = Annotated[
    Count,
    Note(
        _CALLS,
        "Of so many calls in that time at the least, half must fail, or most be slow, before it "
        "trips.",
        "5",
    ),
]
BreakerOpenFor = Annotated[
    _UpToFiveMinutes,
    Note(
        _CALLS,
        "It calls nobody for so long, then probes with one call in the whole fleet. Each bad "
        "probe doubles that, up to six times as long.",
        "10",
    ),
]
CallsMax = Annotated[
    Count,
    Note(
        _CALLS,
        "Calls of one operation that one process has out at once. Below a third of "
        "TALLYSTICK_MONEY_CONCURRENCY: a provider that hangs in all its three operations then "
        "leaves a place to the others.",
        "8",
    ),
]
Caretaker = Annotated[
    Path | None,
    Note(
        _PLACE,
        "The socket at which `tallystick start`, which sets it, takes the orders of /dev/lab.",
        ".tallystick/caretaker.sock",
        "`tallystick start`.",
    ),
]
MetricsPort = Annotated[
    int | None,
    Field(ge=1, le=65_535),
    Note(
        _METRICS,
        "The port for GET /metrics, in Prometheus' text format. Left out, none are told.",
        "9123",
    ),
]
WorkerMetricsPort = Annotated[
    int | None,
    Field(ge=1, le=65_535),
    Note(
        _METRICS,
        "The port on which `tallystick worker` tells its own, on the same interface: another than "
        "the server's. Left out, none are told.",
        "9124",
    ),
]
