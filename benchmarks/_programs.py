"""Commands of ours as processes of a benchmark: started, awaited, and ended with it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["children", "cpu_threads_s", "free_port", "program", "wait_until_ready"]

READY_WITHIN_S: Final = 30.0


@contextmanager
def program(
    folder: Path, environment: Mapping[str, str], *words: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Give a running command of ours, whose log is shown where the block fails."""
    log = folder / f"{words[0]}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [sys.executable, "-m", "tallystick.cli", *words],
            cwd=folder,
            env=dict(environment),
            stdout=output,
            stderr=output,
        )
    try:
        yield child
    except BaseException:
        print(log.read_text()[-2000:], file=sys.stderr)
        raise
    finally:
        child.terminate()
        child.wait(timeout=60)


def wait_until_ready(child: subprocess.Popen[bytes], url: str) -> None:
    """Wait until the address answers; raise RuntimeError where it does not in time."""
    deadline = time.monotonic() + READY_WITHIN_S
    while child.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} did not become ready.")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_threads_s(pid: int) -> float:
    """Return the seconds of processor time that all threads of a process have had."""
    return sum(
        int((task / "schedstat").read_text().split()[0]) / 1e9
        for task in Path(f"/proc/{pid}/task").iterdir()
    )
