"""One Valkey server: a cache alone. It keeps nothing on disk and forgets all at its end."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from tallystick.embedded.data import ENVIRONMENT
from tallystick.embedded.errors import EngineFailed
from tallystick.embedded.place import Place
from tallystick.embedded.ports import LOOPBACK, free_port
from tallystick.process import last_words, open_log, spawn, terminate

__all__ = ["Cache", "Server", "start"]

_READY_WITHIN_S: Final = 15.0
_STOP_WITHIN_S: Final = 5.0
_PORT_TRIES: Final = 5
_READY: Final = "Ready to accept connections"

_CONFIGURATION: Final = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
save ""
appendonly no
dir /
maxmemory 64mb
maxmemory-policy allkeys-lru
io-threads 1
databases 1
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: our child, and its port."""

    child: subprocess.Popen[bytes]
    port: int

    def url(self, password: str) -> str:
        """Return the server's address for redis-py."""
        return f"redis://:{password}@{LOOPBACK}:{self.port}/0"

    def stop(self) -> None:
        """Stop the server."""
        terminate(self.child, deadline_s=_STOP_WITHIN_S)


class Cache:
    """A server that can be stopped and started again where it was, as a lab does."""

    def __init__(self, place: Place, password: str, port: int, *, log: Path) -> None:
        """Start it; raise EngineFailed."""
        self._place: Final = place
        self._password: Final = password
        self._log: Final = log
        self._server: Server | None = start(place, password, port, log=log)
        self.port: Final = self._server.port
        self.url: Final = self._server.url(password)

    @property
    def is_up(self) -> bool:
        """Return whether it is meant to run."""
        return self._server is not None

    @property
    def is_dead(self) -> bool:
        """Return whether it has ended by itself."""
        return self._server is not None and self._server.child.poll() is not None

    def stop(self) -> None:
        """Stop it; a second call does nothing."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def start_again(self) -> None:
        """Start it under its old address; raise EngineFailed where somebody else has that now."""
        if self._server is not None:
            return
        begun = start(self._place, self._password, self.port, log=self._log)
        if begun.port != self.port:
            begun.stop()
            raise EngineFailed(f"Port {self.port} is taken by another program.")
        self._server = begun


def start(place: Place, password: str, port: int, *, log: Path) -> Server:
    """Start the server on the port, or on another if that is taken; return it when it is ready.

    Raises EngineFailed.
    """
    words = ""
    for _ in range(_PORT_TRIES):
        port = free_port(port)
        # By its standard input: neither a file nor the list of processes shows the password.
        with open_log(log) as output, TemporaryFile() as configuration:
            begin = output.tell()
            text = _CONFIGURATION.format(host=LOOPBACK, port=port, password=password)
            configuration.write(text.encode())
            configuration.seek(0)
            child = spawn(
                [place.programs.valkey, "-"],
                output=output,
                stdin=configuration.fileno(),
                environment=ENVIRONMENT,
                folder=Path("/"),
                user=place.user,
            )
        if _is_ready(child, log, begin):
            return Server(child, port)
        words = last_words(log, begin)
        if "Address already in use" not in words:
            break
        port = 0  # somebody was faster
    raise EngineFailed(f"Valkey did not start. Its log {log} ends with:\n{words}")


def _is_ready(child: subprocess.Popen[bytes], log: Path, begin: int) -> bool:
    """Wait until the server takes connections; return False where it ended, or took too long."""
    deadline = time.monotonic() + _READY_WITHIN_S
    try:
        while child.poll() is None and time.monotonic() < deadline:
            if _READY in last_words(log, begin):
                return True
            time.sleep(0.01)
    except BaseException:
        terminate(child, deadline_s=_STOP_WITHIN_S)
        raise
    terminate(child, deadline_s=_STOP_WITHIN_S)
    return False
