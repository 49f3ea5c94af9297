"""A parent of two members that count as breakers do, and tell it: a program that tests start."""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path

from tallystick.jobs.worker import Family
from tallystick.observability import configure
from tallystick.observability.exposition import METRICS_THREAD, exposed, join


def count(folder: Path, name: str) -> None:
    """Be a member: count one call, show one open breaker, and wait for the end."""
    join(folder)
    from tallystick.observability.metrics import BreakerMetrics  # noqa: PLC0415 - after join

    BreakerMetrics().called(name, is_failure=False, seconds=0.1)
    BreakerMetrics().state(name, is_open=True)
    signal.pause()


def main() -> None:
    configure("INFO", "json")
    with exposed("127.0.0.1", int(sys.argv[1])) as folder:
        members = {
            name: partial(count, folder.path, f"stripe.{name}") for name in ("money", "webhooks")
        }
        Family(members, patience_s=5, bury=folder.bury, spared=frozenset({METRICS_THREAD})).run()


if __name__ == "__main__":
    main()
