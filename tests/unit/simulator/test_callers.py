"""Who called is known by the machine itself; nobody else is ever killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.simulator import callers
from tallystick.simulator.errors import CallerUnknown

DIALLER = """
import socket, sys
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print(line.getsockname()[1], flush=True)
sys.stdin.read()
"""

#: Some containers have no IPv6: their table of its sockets is missing, too.
HOSTS = ["127.0.0.1", "::1"] if Path("/proc/net/tcp6").exists() else ["127.0.0.1"]


@pytest.fixture(params=HOSTS)
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listening:
        listening.bind((request.param, 0))
        listening.listen()
        yield listening


class TestKill:
    def test_ends_who_holds_the_other_end(self, listening: socket.socket) -> None:
        host, port, *_ = listening.getsockname()
        with subprocess.Popen(
            [sys.executable, "-c", DIALLER, host, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as dialler:
            assert dialler.stdout is not None
            address = (host, int(dialler.stdout.readline()))
            with listening.accept()[0]:
                assert callers.owners(address, port=port) == [dialler.pid]
                assert callers.owners(address, port=port + 1) == []
                assert callers.kill(address, port=port) == [dialler.pid]
                assert dialler.wait(10) == -signal.SIGKILL

    def test_spares_itself(self, listening: socket.socket) -> None:
        host, port, *_ = listening.getsockname()
        with socket.create_connection((host, port)) as line:
            assert callers.owners((host, line.getsockname()[1]), port=port) == [os.getpid()]
            with pytest.raises(CallerUnknown):
                callers.kill((host, line.getsockname()[1]), port=port)

    @pytest.mark.parametrize("pid", [-1, 0, 1])
    def test_spares_groups_and_the_first_process(self, pid: int) -> None:
        with pytest.raises(CallerUnknown):
            callers.kill(None, port=None, pid=pid)

    @pytest.mark.parametrize("address", [None, ("192.0.2.1", 5), ("nobody", 5), ("127.0.0.1", 0)])
    def test_finds_nobody_on_another_machine(self, address: callers.Address | None) -> None:
        with pytest.raises(CallerUnknown):
            callers.kill(address, port=8124)
