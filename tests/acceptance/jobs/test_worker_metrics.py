"""What the inbox's drain counts is told by the workers that run it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from factories import inbox
from running import free_ports
from tallystick.webhooks import store


@contextmanager
def worker(database, folder: Path, port: int) -> Iterator[Path]:
    """Run the webhooks group, which tells its metrics at the port; give its log."""
    log = folder / "worker.log"
    environment = {
        **os.environ,
        **database.environment,
        "TALLYSTICK_WORKER_METRICS_PORT": str(port),
        "TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_of_these_tests",
        "TALLYSTICK_STRIPE_WEBHOOK_SECRET": "whsec_of_these_tests",
        "TALLYSTICK_STRIPE_API_URL": "http://127.0.0.1:9",
    }
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", "worker", "--group", "webhooks"],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    try:
        yield log
    finally:
        child.terminate()
        assert child.wait(15) == 0


def receive(database, *external_ids: str) -> None:
    with database.connect() as conn:
        store.keep(conn, [inbox.delivery(name) for name in external_ids])


def until(holds: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def told(port: int) -> str:
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as reply:
            return str(reply.read().decode())
    except (URLError, OSError):
        return ""


class TestMetrics:
    @pytest.fixture
    def port(self) -> int:
        [port] = free_ports(1)
        return port

    def test_of_the_drain_are_told_by_the_workers(self, database, tmp_path, port):
        receive(database, "evt_1", "evt_2")
        with worker(database, tmp_path, port) as log:
            # No event of ours can be read in these bodies: their handler says so, and they wait.
            until(lambda: 'how="postponed"' in told(port), log)
            text = told(port)
        assert 'tallystick_webhooks_handled_total{how="postponed",provider="stripe"}' in text
        assert "tallystick_webhooks_drained_events_count" in text
        assert "tallystick_webhooks_oldest_seconds" in text
