"""A real Valkey that can be stopped and started, a provider, and a fleet of real processes."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tallystick.embedded import place, valkey

PROGRAM = Path(__file__).with_name("caller.py")


class Store:
    """A Valkey server of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self._place = place.choose(folder, report=lambda _: None)
        self._log = folder / "valkey.log"
        self._server = valkey.start(self._place, "secret", 0, log=self._log)
        self.url = self._server.url("secret")
        self.client = redis.Redis.from_url(self.url)

    def stop(self) -> None:
        self.client.close()
        self._server.stop()

    def start(self) -> None:
        """Start it again, empty, where it was."""
        self._server = valkey.start(self._place, "secret", self._server.port, log=self._log)
        assert self._server.url("secret") == self.url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="tallystick-tests-", dir="/var/tmp") as folder:
        # Its programs may have to run as another user.
        Path(folder).chmod(0o755)
        store = Store(Path(folder))
        yield store
        store.stop()


@pytest.fixture
def store(valkey_server: Store) -> Store:
    valkey_server.client.flushall()
    return valkey_server


class Provider:
    """Who is called: it notes each caller, and answers well, badly, or never."""

    def __init__(self) -> None:
        self.way = "bad"
        #: When it was called, and by which process.
        self.calls: list[tuple[float, int]] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def callers(self) -> set[int]:
        return {pid for _, pid in self.calls}

    def close(self) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._answer, args=(line,)))
            self._threads[-1].start()

    def _answer(self, line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            pid = int(line.recv(20))
            self.calls.append((time.monotonic(), pid))
            if self.way == "hang":
                self._ended.wait(60)
            line.sendall(self.way.encode())


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


class Fleet:
    """Processes that call the provider through their breakers, again and again."""

    def __init__(self, folder: Path, url: str, port: int) -> None:
        self._asked = {"redis": url, "port": port, "trace": str(folder / "trace")}
        self._trace = folder / "trace"
        self._trace.touch()
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, count: int, *, is_idle: bool = False, **policy: Any) -> None:
        """Start processes; those that are idle take their leave and make no call."""
        asked = json.dumps({**self._asked, "is_idle": is_idle, "policy": policy})
        self.processes = [
            subprocess.Popen([sys.executable, str(PROGRAM), asked]) for _ in range(count)
        ]

    def told(self, what: str) -> list[int]:
        """Return who has told so, once for each time."""
        lines = (line.split() for line in self._trace.read_text().splitlines())
        return [int(pid) for pid, word in lines if word == what]

    def wait_for_refusals_of_all(self) -> None:
        """Wait until each living process was refused from now on."""
        seen = len(self.told("open"))
        alive = {one.pid for one in self.processes if one.poll() is None}
        until(lambda: alive <= set(self.told("open")[seen:]))

    def kill(self, pid: int) -> None:
        [one] = [process for process in self.processes if process.pid == pid]
        one.kill()
        one.wait()

    def stop(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(10)


@pytest.fixture
def fleet(tmp_path: Path, store: Store, provider: Provider) -> Iterator[Fleet]:
    made = Fleet(tmp_path, store.url, provider.port)
    yield made
    made.stop()


@pytest.fixture
def wait() -> Callable[[Callable[[], object]], None]:
    return until


def until(is_so: Callable[[], object], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)
