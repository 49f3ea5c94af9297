"""Metrics of workers: told by their parent, and no count is lost with a process that is killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

PROGRAM = Path(__file__).with_name("counting.py")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def values(port: int, name: str) -> dict[str, float]:
    """Return a metric's values by operation; nothing while nobody listens."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False).text
    except httpx.TransportError:
        return {}
    return {
        sample.labels["operation"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def until(is_so: Callable[[], object], within_s: float = 20) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)


@pytest.fixture
def counting(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Give a parent's port and number."""
    port = free_port()
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, str(PROGRAM), str(port)], env=environment)
    yield port, parent.pid
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(15) == 0
    assert not list(tmp_path.glob("tallystick-metrics-*"))


class TestMetrics:
    def test_are_told_by_the_parent_and_outlive_a_killed_process(self, counting) -> None:
        port, parent = counting
        calls, is_open = "tallystick_breaker_calls_total", "tallystick_breaker_open_processes"
        until(lambda: values(port, calls) == {"stripe.money": 1, "stripe.webhooks": 1})
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        assert len(children) == 2
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        # Each is started again and counts once more; what the dead had counted is kept.
        until(lambda: values(port, calls) == {"stripe.money": 2, "stripe.webhooks": 2})
        # What they said of their present ended with them.
        until(lambda: values(port, is_open) == {"stripe.money": 1, "stripe.webhooks": 1})


class TestCommand:
    def test_tells_at_its_own_port_and_ends_in_order(self, database: Any, tmp_path: Path) -> None:
        port, log = free_port(), tmp_path / "log"
        environment = {
            **os.environ,
            **database.environment,
            "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
            "TALLYSTICK_WORKER_METRICS_PORT": str(port),
            "TMPDIR": str(tmp_path),
        }
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "tallystick.cli", "worker", "--group", "upkeep"],
                env=environment,
                cwd=tmp_path,
                stdout=output,
                stderr=output,
            )
        try:
            until(lambda: "worker_ready" in log.read_text())
            reply = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5, trust_env=False)
            assert reply.status_code == 200
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(20) == 0, log.read_text()
        assert "Traceback" not in log.read_text()
        assert not list(tmp_path.glob("tallystick-metrics-*"))

    def test_on_a_busy_port_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as busy:
            port = busy.getsockname()[1]
            done = subprocess.run(
                [sys.executable, "-m", "tallystick.cli", "worker"],
                env={**os.environ, "TALLYSTICK_WORKER_METRICS_PORT": str(port)},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
                timeout=30,
            )
        assert done.returncode == 1
        assert "give another with TALLYSTICK_WORKER_METRICS_PORT." in done.stderr
        assert "Traceback" not in done.stderr
