"""`tallystick start` for tests: one house with engines of its own, in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx


class House:
    """One `tallystick start` in a folder of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.folder = folder
        self.words = words
        self.port = free_port()
        self.screen = ""
        self.process: subprocess.Popen[str] | None = None

    def begin(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start another process in the folder and return it."""
        keep = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
        keep.pop("DJANGO_SETTINGS_MODULE", None)
        return subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", "start", *self.words, *words],
            cwd=self.folder,
            env={**keep, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def bring_up(self, **more: str) -> None:
        """Start the house and read its screen to the last line."""
        self.process = self.begin("--port", str(self.port), **more)
        assert self.process.stdout is not None
        self.screen = ""
        for line in self.process.stdout:
            self.screen += line
            if line.strip().startswith("Stop "):
                return
        raise AssertionError(self.screen)

    def bring_down(self, number: signal.Signals) -> tuple[int, str, float]:
        """End the house; return its status, its last words and how long it took in seconds."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(number)
        said = self.process.communicate()[0]
        return self.process.returncode, said, time.monotonic() - began

    def row(self, name: str) -> str:
        """Return what the screen says beside a name."""
        [text] = re.findall(rf"^  {name} +(.*)$", self.screen, flags=re.MULTILINE)
        return str(text)

    def paste(self) -> dict[str, Any]:
        """Do what the screen's line does where it is pasted into a shell."""
        program, address, option, header = shlex.split(self.row("API key"))
        assert (program, option) == ("curl", "-H")
        name, _, value = header.partition(": ")
        answer = httpx.get(address, headers={name: value})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def is_ready(self) -> bool:
        """Return whether the server says that it is ready."""
        address = f"http://127.0.0.1:{self.port}/api/health/ready"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return True
        except OSError:
            return False

    def ports(self) -> list[int]:
        """Return the ports of all that listens: server, simulator, metrics, engines."""
        engines = json.loads((self.folder / ".tallystick" / "engines.json").read_text())
        metrics = int(self.metrics().rpartition(":")[2].removesuffix("/metrics"))
        return [
            self.port,
            self.port + 1,
            metrics,
            engines["postgresql_port"],
            engines["valkey_port"],
        ]

    def metrics(self) -> str:
        """Return the address of the metrics, as the screen has it."""
        (line,) = (line for line in self.screen.splitlines() if line.startswith("  Metrics "))
        return line.split()[1]

    def descendants(self) -> set[int]:
        """Return the house's own process and all that stem from it."""
        assert self.process is not None
        found, ahead = set(), [self.process.pid]
        while ahead:
            pid = ahead.pop()
            found.add(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                ahead += map(int, task.read_text().split())
        return found

    def children(self) -> dict[str, int]:
        """Return the house's children of ours, by command."""
        assert self.process is not None
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        found = {}
        for pid in " ".join(task.read_text() for task in tasks).split():
            words = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
            found[words[-1]] = int(pid)
        return found


@contextmanager
def started_house(*words: str, **settings: str) -> Iterator[House]:
    """Give a house that is up, in a folder of its own, and end it; a test may do so before."""
    folder = Path(tempfile.mkdtemp(prefix="tallystick-start-", dir="/var/tmp"))
    folder.chmod(0o711)
    house = House(folder, *words)
    try:
        house.bring_up(**settings)
        yield house
    finally:
        if house.process is not None and house.process.poll() is None:
            house.bring_down(signal.SIGTERM)
        shutil.rmtree(folder)


def free_port() -> int:
    """Return a port that is free and followed by a free one, which the simulator takes."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port: int = server.getsockname()[1]
        if not listens(port + 1):
            return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
