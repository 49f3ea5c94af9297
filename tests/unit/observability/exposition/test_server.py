"""The address of metrics inside its process: which signals its threads take, and none is left."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import prometheus_client
import pytest

from running import free_ports
from tallystick.observability.exposition import exposed


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Give a port at which metrics are told; what the environment said before is put back."""
    # Loaded before it could take the folder of this test for this process's own.
    assert prometheus_client.values.ValueClass is prometheus_client.values.MutexValue
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (free,) = free_ports(1)
    with exposed("127.0.0.1", free):
        yield free


def _blocked(thread: threading.Thread) -> int:
    """Return the signals that the thread does not take, as the kernel has them."""
    status = Path(f"/proc/self/task/{thread.native_id}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("SigBlk:"))
    return int(line.split()[1], 16)


def _wait(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _metrics_thread() -> threading.Thread | None:
    return next((one for one in threading.enumerate() if one.name == "metrics"), None)


class TestThreads:
    def test_take_no_signal_that_is_meant_for_the_main_one(self, port: int) -> None:
        before, others = _blocked(threading.main_thread()), set(threading.enumerate())
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            _wait(lambda: any(one.native_id for one in set(threading.enumerate()) - others))
            (asked,) = (one for one in set(threading.enumerate()) - others if one.native_id)
            serving = _metrics_thread()
            assert serving is not None
            for thread in (asked, serving):
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    assert _blocked(thread) & 1 << (number - 1), thread
        assert _blocked(threading.main_thread()) == before

    def test_end_with_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        (free,) = free_ports(1)
        with exposed("127.0.0.1", free):
            assert _metrics_thread() is not None
        _wait(lambda: _metrics_thread() is None)
        assert list(tmp_path.iterdir()) == []
