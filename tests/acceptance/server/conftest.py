"""A real server for these tests: `tallystick serve`, its own port, views that can be hung."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
#: Loading certificates takes longer than most requests here take, and none is ever met.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
#: Short, so that a slow body is refused while a test waits.
BODY_TIMEOUT_S = 2


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    notes: Path
    metrics_port: int | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def workers(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(child) for child in children.read_text().split()]

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.address, timeout=20, verify=NO_TLS, **options)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def talk(self, sent: bytes) -> bytes:
        """Send the bytes as they are and return everything until the server closes."""
        with self.connect() as connection:
            connection.sendall(sent)
            connection.settimeout(5)
            return read_all(connection)

    def wait_until_ready(self, deadline_s: float = 20) -> None:
        def answers() -> bool:
            try:
                return (
                    httpx.get(f"{self.address}/api/health", timeout=2, verify=NO_TLS).status_code
                    == 200
                )
            except httpx.TransportError:
                return False

        wait_for(answers, deadline_s, self.log.read_text)

    def lines(self) -> str:
        return self.log.read_text()

    def stop(self, deadline_s: float = 10) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


def read_all(connection: socket.socket) -> bytes:
    received = b""
    while True:
        try:
            part = connection.recv(65_536)
        except (TimeoutError, ConnectionResetError):
            return received
        if not part:
            return received
        received += part


def wait_for(
    happened: Callable[[], bool], deadline_s: float, why: Callable[[], str] = lambda: ""
) -> None:
    deadline = time.monotonic() + deadline_s
    while not happened():
        assert time.monotonic() < deadline, f"not within {deadline_s} s. {why()}"
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(folder: Path, database_url: str, **settings: object) -> Iterator[Server]:
    port = int(str(settings.pop("port", free_port())))
    folder.mkdir(parents=True, exist_ok=True)
    log, notes = folder / "server.log", folder / "notes"
    notes.touch()
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("TALLYSTICK_")},
        "DJANGO_SETTINGS_MODULE": "server_settings",
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT / "src"), str(HERE), os.environ.get("PYTHONPATH", "")]
        ),
        "SERVER_NOTES": str(notes),
        "TALLYSTICK_DATABASE_URL": database_url,
        "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
        "TALLYSTICK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TALLYSTICK_BODY_TIMEOUT_S": str(BODY_TIMEOUT_S),
        "TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_of_these_tests",
        "TALLYSTICK_STRIPE_WEBHOOK_SECRET": "whsec_of_these_tests",
        "TALLYSTICK_PORT": str(port),
        **{f"TALLYSTICK_{name.upper()}": str(value) for name, value in settings.items()},
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", "serve"],
            env=environment,
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    metrics_port = settings.get("metrics_port")
    server = Server(process, port, log, notes, metrics_port and int(str(metrics_port)))
    try:
        workers = int(str(settings.get("server_workers", 1)))
        wait_for(lambda: server.lines().count("Started worker-") == workers, 20, server.lines)
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def shared_server(
    shared_database: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Give a server for tests that leave it as it was; it tells its metrics."""
    folder, url = tmp_path_factory.mktemp("server"), shared_database.application_url
    with running(folder, url, metrics_port=free_port()) as server:
        yield server


@pytest.fixture
def start_server(shared_database: Any, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Give a function that starts a server for this test alone, with settings of its own."""
    opened: list[Any] = []

    def start(**settings: object) -> Server:
        url = str(settings.pop("database_url", shared_database.application_url))
        context = running(tmp_path / str(len(opened)), url, **settings)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in reversed(opened):
        context.__exit__(None, None, None)
