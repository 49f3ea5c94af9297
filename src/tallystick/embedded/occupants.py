"""Who else uses the folder: one process at a time holds it, and what an earlier one left ends.

The lock is the kernel's, given back however a process ends. Nothing is ended that is not
PostgreSQL on this very folder's data.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tallystick.embedded.errors import AlreadyRunning, EngineFailed

__all__ = ["clear", "cluster_name", "guarded", "postmaster_lines", "touch"]

_LOCK: Final = "engines.lock"
_PID_FILE: Final = "postmaster.pid"
#: How long a server that lost its parent may take for its fast, then its immediate shutdown.
_PATIENCE_S: Final = (15.0, 5.0, 5.0)
_FAREWELLS: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)


def touch(folder: Path) -> None:
    """Make the folder's lock file; raise PermissionError where another user's is there."""
    os.close(os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600))


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Hold the folder; raise AlreadyRunning, with the other's number, where another holds it."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            written = os.pread(descriptor, 20, 0).strip()
            raise AlreadyRunning(folder, int(written) if written.isdigit() else None) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        # The file stays: whoever waits for it would lock one that nobody sees any more.
        os.close(descriptor)


def cluster_name(data: Path) -> str:
    """Return the name that the titles of this data folder's server processes carry."""
    return "tallystick-" + hashlib.sha256(os.fsencode(data)).hexdigest()[:12]


def postmaster_lines(data: Path) -> list[str]:
    """Return the lines of the server's pid file; none where there is no such file."""
    try:
        return (data / _PID_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def clear(data: Path) -> None:
    """End the server that an earlier process left on these data, and mend its pid file.

    A server whose parent was killed is on its way out already: it is waited for. A pid file
    that names a process of somebody else's is taken away; PostgreSQL, which knows its own
    kind less well, would refuse to start. Raises EngineFailed where a server does not end.
    """
    for farewell, patience_s in zip(_FAREWELLS, _PATIENCE_S, strict=True):
        if not _servers(data):
            break
        for pid in _servers(data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, farewell)
        _wait_for_end(data, patience_s)
    else:
        if _servers(data):
            raise EngineFailed(f"PostgreSQL processes on {data} do not end: {_servers(data)}.")
    lines = postmaster_lines(data)
    if lines and lines[0].isdigit() and _is_alive(int(lines[0])):
        (data / _PID_FILE).unlink(missing_ok=True)


def _wait_for_end(data: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while _servers(data) and time.monotonic() < deadline:
        time.sleep(0.02)


def _servers(data: Path) -> list[int]:
    """Return the processes that serve these data: the server itself first."""
    title = f"postgres: {cluster_name(data)}:"
    owner = {"-D", str(data)}
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            words = _command_line(entry)
            is_server = words[:1] and words[0].endswith("/postgres") and owner <= set(words)
            if is_server or (words and words[0].startswith(title)):
                found.append(int(entry.name))
    return sorted(found)


def _command_line(entry: Path) -> list[str]:
    try:
        return os.fsdecode((entry / "cmdline").read_bytes()).split("\0")
    except OSError:
        return []  # it ended while we looked


def _is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
