"""How long `tallystick start` takes until it is ready, how much memory it holds, how it stops.

The environment is there already. The first start makes the database, the second finds it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
READY_WITHIN_S: Final = 120.0
#: How long the processes are left alone before their memory is read.
IDLE_S: Final = 5.0
#: Which process counts as what, with all below it: by a word of its command line.
KINDS: Final = {
    "serve": "server",
    "worker": "workers",
    "simulator": "simulator",
    "postgres": "postgresql",
    "valkey-server": "valkey",
}


def run() -> dict[str, float]:
    """Return seconds and MB of two starts in a new folder."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o711)
        for which in ("first", "second"):
            port = _free_port()
            began = time.monotonic()
            child = _start(Path(folder), port)
            _wait_until_ready(child, port)
            figures[f"{which}_start_ready_s"] = round(time.monotonic() - began, 2)
            if which == "second":
                time.sleep(IDLE_S)
                figures.update(_memory(child.pid))
            began = time.monotonic()
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=60)
            figures[f"{which}_stop_s"] = round(time.monotonic() - began, 2)
    return figures


def _start(folder: Path, port: int) -> subprocess.Popen[str]:
    environment = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
    environment["TALLYSTICK_DATA_FOLDER"] = str(folder / "data")
    environment["TALLYSTICK_SIMULATOR_DATA"] = str(folder / "data" / "simulator")
    return subprocess.Popen(
        [sys.executable, "-m", "tallystick.cli", "start", "--empty", "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _wait_until_ready(child: subprocess.Popen[str], port: int) -> None:
    address = f"http://127.0.0.1:{port}/api/health/ready"
    deadline = time.monotonic() + READY_WITHIN_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.02)
    child.terminate()
    raise RuntimeError(f"Tallystick did not become ready:\n{child.communicate(timeout=60)[0]}")


def _memory(pid: int) -> dict[str, float]:
    """Return the proportional memory of the process and all below it, in MB by kind."""
    totals: dict[str, float] = {}
    for one, kind in _family(pid, "start"):
        totals[kind] = totals.get(kind, 0) + _proportional_kb(one) / 1024
    found = {f"{kind}_mb": round(total, 1) for kind, total in sorted(totals.items())}
    both = totals.get("server", 0) + totals.get("workers", 0)
    return {**found, "server_and_workers_mb": round(both, 1)}


def _family(pid: int, kind: str) -> Iterator[tuple[int, str]]:
    """Yield the process and its descendants, each with the kind of the nearest that has one."""
    yield pid, kind
    for task in Path(f"/proc/{pid}/task").iterdir():
        for word in (task / "children").read_text().split():
            yield from _family(int(word), _kind(int(word)) or kind)


def _kind(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    # A server may have written its state behind its name.
    names = {Path(word).name.partition(" ")[0] for word in words}
    return next((kind for word, kind in KINDS.items() if word in names), "")


def _proportional_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
