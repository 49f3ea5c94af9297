"""A whole house for tests: server, workers and simulator as processes, on a clone of its own.

No cache is there, on purpose: what works here works without Redis.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

_START_WITHIN_S = 40.0


@dataclass(frozen=True)
class RunningHouse:
    """A house that runs: where it is, and the environment that its processes have."""

    url: str
    simulator_url: str
    metrics_url: str
    environment: Mapping[str, str]
    folder: Path
    database: object
    serve_pid: int
    worker_pid: int

    def kill_a_server_process(self) -> None:
        """Kill -9 one of the server's worker processes, which its parent starts again."""
        children = Path(f"/proc/{self.serve_pid}/task/{self.serve_pid}/children").read_text()
        # The first child may be multiprocessing's own tracker: the workers hold the port.
        for child in map(int, children.split()):
            if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(child, signal.SIGKILL)
                return
        raise AssertionError("the server has no worker")

    @property
    def webhook_secret(self) -> str:
        return self.environment["TALLYSTICK_STRIPE_WEBHOOK_SECRET"]

    @contextlib.contextmanager
    def more(self, *words: str, log: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one more process of the house, and end it in the end."""
        child = _spawn(words, self.environment, self.folder, log=log)
        try:
            yield child
        finally:
            _end([child])

    def tallystick(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in this house's environment."""
        return subprocess.run(
            [sys.executable, "-m", "tallystick.cli", *words],
            env={**os.environ, **self.environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )


@contextlib.contextmanager
def running_house(database, folder: Path, **settings: str) -> Iterator[RunningHouse]:
    """Start the three, wait until they are ready, and stop them in the end."""
    port, simulator_port, metrics_port = free_ports(3)
    environment = {
        **database.environment,
        "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TALLYSTICK_METRICS_PORT": str(metrics_port),
        "TALLYSTICK_SIMULATOR_PORT": str(simulator_port),
        "TALLYSTICK_SIMULATOR_DATA": str(folder / "simulator"),
        "TALLYSTICK_SIMULATOR_WEBHOOK_URL": f"http://127.0.0.1:{port}/api/webhooks/stripe",
        "TALLYSTICK_STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(12)}",
        "TALLYSTICK_STRIPE_WEBHOOK_SECRET": f"whsec_{secrets.token_hex(12)}",
        "TALLYSTICK_STRIPE_API_URL": f"http://127.0.0.1:{simulator_port}",
        "TALLYSTICK_STRIPE_TIMEOUT_S": "2",
        "TALLYSTICK_LOG_FORMAT": "json",
        **settings,
    }
    children = [
        _spawn((name,), environment, folder, log=name) for name in ("simulator", "serve", "worker")
    ]
    try:
        _wait(f"http://127.0.0.1:{simulator_port}/_simulator/health", folder)
        _wait(f"http://127.0.0.1:{port}/api/health/ready", folder)
        yield RunningHouse(
            f"http://127.0.0.1:{port}",
            f"http://127.0.0.1:{simulator_port}",
            f"http://127.0.0.1:{metrics_port}/metrics",
            environment,
            folder,
            database,
            *(child.pid for child in children[1:]),
        )
    finally:
        _end(children)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in held]


def _spawn(
    words: tuple[str, ...], environment: Mapping[str, str], folder: Path, *, log: str
) -> subprocess.Popen[bytes]:
    with (folder / f"{log}.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", *words],
            env={**os.environ, **environment},
            cwd=folder,
            stdout=output,
            stderr=output,
        )


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    for child in reversed(children):
        child.send_signal(signal.SIGTERM)
    for child in children:
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait(url: str, folder: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline:
        with contextlib.suppress(URLError, OSError), urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    logs = "\n".join(log.read_text()[-2000:] for log in folder.glob("*.log"))
    raise AssertionError(f"{url} did not answer within {_START_WITHIN_S} s.\n{logs}")
