"""Which process called, and its end: SIGKILL between the work and the answer.

Linux tells who holds the other end of a connection on the same machine. It never kills the
simulator itself, nor process 1, and for a caller of another machine it raises CallerUnknown.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tallystick.simulator.errors import CallerUnknown

__all__ = ["Address", "is_local", "kill", "owners"]

#: Host and port, as the server names its client.
Address = tuple[str, int]

_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_ESTABLISHED: Final = "01"


def is_local(address: Address | None) -> bool:
    """Return whether the address is the machine's own."""
    if address is None:
        return False
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return False


def kill(address: Address | None, *, port: int | None, pid: int | None = None) -> list[int]:
    """This function will kill `pid`, or who holds the client's end, and return who was killed.

    `port` is the simulator's own. Processes that share the connection since a fork all end:
    any of them could read the answer. Raises CallerUnknown where nobody can be found.
    """
    found = [pid] if pid is not None else owners(address, port=port)
    doomed = [one for one in found if one > 1 and one != os.getpid()]
    killed = []
    for one in doomed:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)
            killed.append(one)
    if not killed:
        raise CallerUnknown("There is no process of this machine behind the call: give its `pid`.")
    return killed


def owners(address: Address | None, *, port: int | None) -> list[int]:
    """Return the processes that hold the client's end of the connection, none if unknown."""
    if address is None or not is_local(address):
        return []
    sockets = {f"socket:[{inode}]" for inode in _inodes(address[1], port)}
    return [pid for pid in _processes() if sockets & set(_links(pid))] if sockets else []


def _inodes(client_port: int, port: int | None) -> Iterator[str]:
    """Yield the sockets whose own port is the client's and whose other end is ours."""
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            mine, theirs = (int(words[n].rpartition(":")[2], 16) for n in (1, 2))
            if mine == client_port and theirs == (port or theirs) and words[3] == _ESTABLISHED:
                yield words[9]


def _processes() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]


def _links(pid: int) -> Iterator[str]:
    """Yield what the process has open; nothing for one that is gone or another user's."""
    with contextlib.suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                yield str(link.readlink())
