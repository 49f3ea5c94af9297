"""One PostgreSQL server on data that are there: started, awaited, stopped.

TCP on the loopback interface with passwords (SCRAM), no Unix socket, no trust. The server is
our child, not a daemon, so that it ends with us.
"""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tallystick.embedded import occupants, roles
from tallystick.embedded.data import ENVIRONMENT
from tallystick.embedded.errors import EngineFailed
from tallystick.embedded.notebook import Notebook
from tallystick.embedded.place import Place
from tallystick.embedded.ports import LOOPBACK, free_port
from tallystick.process import last_words, open_log, spawn, terminate

__all__ = ["NO_SETTINGS", "Addresses", "Server", "start"]

_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 15.0
_PORT_TRIES: Final = 5
#: Fast shutdown: sessions are ended, what was committed is on disk.
_FAREWELL: Final = signal.SIGINT
#: The line of the server's pid file that says how far it is.
_STATUS_LINE: Final = 7

#: For two cores and little memory; given at each start, so that old data get new values too.
_SETTINGS: Final = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "48MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "io_method": "sync",  # three processes less; our reads are small
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d %a ",
    "log_min_duration_statement": "1s",
    "log_parameter_max_length": "0",  # values of statements are people's data
    "password_encryption": "scram-sha-256",
}
#: What is left at what stands above.
NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})
#: For data that are thrown away: nothing waits for the disk, and a crash loses them.
_FORGETFUL: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the database is, for each of its two roles."""

    owner_url: str
    application_url: str


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: our child, and its port."""

    child: subprocess.Popen[bytes]
    port: int

    def addresses(self, notebook: Notebook) -> Addresses:
        """Return the addresses of the owner and of the application."""
        place = f"{LOOPBACK}:{self.port}/{roles.DATABASE}"
        return Addresses(
            f"postgresql://{roles.OWNER}:{notebook.owner_password}@{place}",
            f"postgresql://{roles.LOGIN}:{notebook.login_password}@{place}",
        )

    def stop(self) -> None:
        """Stop the server: sessions are ended, nothing committed is lost."""
        terminate(self.child, deadline_s=_STOP_WITHIN_S, farewell=_FAREWELL)


def start(
    place: Place, port: int, *, durable: bool, log: Path, settings: Mapping[str, str] = NO_SETTINGS
) -> Server:
    """Start the server on the port, or on another if that is taken; return it when it is ready.

    `settings` of PostgreSQL stand in place of ours. The data must have no other server. Raises
    EngineFailed.
    """
    words = ""
    for _ in range(_PORT_TRIES):
        port = free_port(port)
        with open_log(log) as output:
            begin = output.tell()
            child = spawn(
                _command(place, port, durable=durable, settings=settings),
                output=output,
                environment=ENVIRONMENT,
                folder=Path("/"),
                user=place.user,
                farewell=_FAREWELL,
            )
        if _is_ready(child, place.data):
            return Server(child, port)
        words = last_words(log, begin)
        if "Address already in use" not in words:
            break
        port = 0  # somebody was faster
    raise EngineFailed(f"PostgreSQL did not start. Its log {log} ends with:\n{words}")


def _command(
    place: Place, port: int, *, durable: bool, settings: Mapping[str, str]
) -> list[str | Path]:
    given = {
        **_SETTINGS,
        **settings,
        "port": str(port),
        "cluster_name": occupants.cluster_name(place.data),
        **({} if durable else _FORGETFUL),
    }
    options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
    return [place.programs.postgres("postgres"), "-D", place.data, *options]


def _is_ready(child: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait until the server takes connections; return False where it ended, or took too long."""
    deadline = time.monotonic() + _READY_WITHIN_S
    try:
        while child.poll() is None and time.monotonic() < deadline:
            lines = occupants.postmaster_lines(data)
            is_its_own = len(lines) > _STATUS_LINE and lines[0] == str(child.pid)
            if is_its_own and lines[_STATUS_LINE].strip() == "ready":
                return True
            time.sleep(0.01)
    except BaseException:
        terminate(child, deadline_s=_STOP_WITHIN_S, farewell=_FAREWELL)
        raise
    terminate(child, deadline_s=_STOP_WITHIN_S, farewell=_FAREWELL)
    return False
