"""Free ports on the loopback interface, the remembered one first."""

from __future__ import annotations

import random
import socket
from typing import Final

from tallystick.embedded.errors import EngineFailed

__all__ = ["LOOPBACK", "free_port", "is_free"]

LOOPBACK: Final = "127.0.0.1"
#: Below the ports that kernels give to outgoing connections, so that ours stay ours.
_RANGE: Final = range(20_000, 30_000)
_TRIES: Final = 200


def free_port(remembered: int = 0) -> int:
    """Return the remembered port if nobody has it, else another; raise EngineFailed at none."""
    if remembered and is_free(remembered):
        return remembered
    for port in random.sample(_RANGE, _TRIES):
        if is_free(port):
            return port
    raise EngineFailed(f"No free port between {_RANGE[0]} and {_RANGE[-1]} on {LOOPBACK}.")


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Return whether we could listen on the port."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do: a connection that lingers from an earlier start is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True
