"""The server's processes: respawned, drained, gone with their parent, started only if sane."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

PYTHONPATH = os.pathsep.join(
    [str(Path(__file__).parents[3] / "src"), os.environ.get("PYTHONPATH", "")]
)


def _wait(happened: Callable[[], bool], deadline_s: float) -> float:
    mark = time.monotonic()
    while not happened():
        assert time.monotonic() - mark < deadline_s
        time.sleep(0.01)
    return time.monotonic() - mark


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _can_listen(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class TestKilledWorker:
    def test_is_respawned_again_and_again(self, start_server: Callable[..., Any]) -> None:
        server = start_server(server_workers=1)
        for _ in range(3):
            (old,) = server.workers()
            os.kill(old, signal.SIGKILL)
            _wait(lambda old=old: server.workers() not in ([old], []), 2)  # type: ignore[misc]
            server.wait_until_ready(5)
        assert server.process.poll() is None

    def test_of_two_leaves_the_other_serving(self, start_server: Callable[..., Any]) -> None:
        server = start_server(server_workers=2)
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        # Gone altogether: what had connected to it before its end is lost with it.
        _wait(lambda: not Path(f"/proc/{killed}").exists(), 2)
        for _ in range(20):
            with server.client() as client:
                assert client.get("/api/test/echo").status_code == 200
        _wait(lambda: len(server.workers()) == 2, 3)


class TestKilledParent:
    def test_takes_its_workers_and_frees_the_port(self, start_server: Callable[..., Any]) -> None:
        server = start_server(server_workers=2)
        workers = server.workers()
        assert len(workers) == 2
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(2)
        took = _wait(lambda: not any(map(_is_running, workers)), 2)
        _wait(lambda: _can_listen(server.port), 2 - took)


class TestSigterm:
    def test_finishes_the_request_in_hand(self, start_server: Callable[..., Any]) -> None:
        server = start_server()
        replies: list[httpx.Response] = []

        def ask() -> None:
            with server.client() as client:
                replies.append(client.get("/test/slow"))

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        asking.join()
        assert [reply.text for reply in replies] == ["done"]
        assert server.process.wait(5) == 0
        assert _can_listen(server.port)

    def test_does_not_wait_for_idle_connections(self, start_server: Callable[..., Any]) -> None:
        server = start_server()
        with server.client() as client:
            assert client.get("/api/health").status_code == 200
            mark = time.monotonic()
            assert server.stop() == 0
        assert time.monotonic() - mark < 3


class TestStart:
    def _serve(self, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
        return subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "serve"],
            env={**kept, "PYTHONPATH": PYTHONPATH, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def test_on_a_busy_port_is_refused_in_a_sentence(self, shared_server: Any) -> None:
        done = self._serve(
            TALLYSTICK_DATABASE_URL="postgresql://a:b@127.0.0.1/c",
            TALLYSTICK_REDIS_URL="redis://127.0.0.1",
            TALLYSTICK_PORT=str(shared_server.port),
        )
        assert done.returncode == 1
        assert f"Port {shared_server.port} on 127.0.0.1 is in use" in done.stderr
        assert "Traceback" not in done.stderr

    def test_with_bad_settings_lists_all_of_them(self) -> None:
        done = self._serve(TALLYSTICK_PORT="no-port", TALLYSTICK_LOG_LEVEL="LOUD")
        assert done.returncode == 1
        for name in ("DATABASE_URL", "REDIS_URL", "PORT", "LOG_LEVEL"):
            assert f"TALLYSTICK_{name} " in done.stderr
        assert "Traceback" not in done.stderr


class TestHealthCommand:
    def _health(self, address: str, *flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tallystick.cli", "health", "--url", address, *flags],
            env={**os.environ, "PYTHONPATH": PYTHONPATH},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @pytest.mark.parametrize("flags", [[], ["--json"]])
    def test_tells_how_the_server_is(self, shared_server: Any, flags: list[str]) -> None:
        done = self._health(shared_server.address, *flags)
        assert done.returncode == 0
        assert "degraded" in done.stdout

    def test_exits_1_where_nobody_answers(self) -> None:
        done = self._health("http://127.0.0.1:9")
        assert done.returncode == 1
        assert "down" in done.stdout
