"""Serve the simulator with Granian, embedded: one process, one event loop, little memory.

It says one line when it answers, and ends cleanly on SIGTERM and SIGINT.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from tallystick.simulator.app import Configuration, Simulator
from tallystick.simulator.errors import ConfigurationMissing
from tallystick.simulator.http import HEADER_BYTES_MAX

__all__ = ["run"]

_BACKLOG: Final = 256
_READY_WITHIN_S: Final = 10
_HEADERS_WAIT_MS: Final = 10_000
_END_WITHIN_S: Final = 2


def run(configuration: Configuration, *, say: Callable[[str], None]) -> NoReturn:
    """This function will serve until it is told to end, then end the process with status 0.

    It says one line when it is ready. Raises ConfigurationMissing for a port that cannot be
    had, and what `Simulator.open` raises.
    """
    _claim(configuration.host, configuration.port)
    simulator = Simulator.open(configuration)
    try:
        asyncio.run(_serve(simulator, configuration, say))
    finally:
        simulator.close()
    # The server's own threads may still let go of Python's objects; where the interpreter ends
    # meanwhile they abort the process. All is on disk, so nothing of its end is missed.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


async def _serve(
    simulator: Simulator, configuration: Configuration, say: Callable[[str], None]
) -> None:
    server = _server(simulator, configuration)
    loop = asyncio.get_running_loop()
    serving = asyncio.create_task(server.serve())
    for farewell in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(farewell, _end, server, serving)
    if await _answers(configuration, serving):
        say(_ready(configuration))
    with contextlib.suppress(asyncio.CancelledError):
        await serving
    await simulator.stop()


def _server(simulator: Simulator, configuration: Configuration) -> Server:
    return Server(
        simulator.door,
        address=configuration.host,
        port=configuration.port,
        interface=Interfaces.ASGI,
        websockets=False,
        backlog=_BACKLOG,
        log_enabled=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEADERS_WAIT_MS, max_buffer_size=4 * HEADER_BYTES_MAX
        ),
    )


def _end(server: Server, serving: asyncio.Task[None]) -> None:
    """Finish the requests in hand, but wait for none that was told never to answer."""
    server.stop()  # type: ignore[no-untyped-call]
    asyncio.get_running_loop().call_later(_END_WITHIN_S, serving.cancel)


async def _answers(configuration: Configuration, serving: asyncio.Task[None]) -> bool:
    """Return whether connections are taken, waiting for it within a limit."""
    host = configuration.base_url.removeprefix("http://").rpartition(":")[0].strip("[]")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _READY_WITHIN_S
    while loop.time() < deadline and not serving.done():
        try:
            _, writer = await asyncio.open_connection(host, configuration.port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return True
    return False


def _ready(configuration: Configuration) -> str:
    webhooks = configuration.webhook_url or "nowhere"
    return (
        f"Simulator ready on {configuration.base_url}: no real money. "
        f"Webhooks go to {webhooks}; the journal is in {configuration.data}."
    )


def _claim(host: str, port: int) -> None:
    """Refuse a port that is taken: the server would share it in silence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as trouble:
            raise ConfigurationMissing(
                f"The simulator cannot listen on {host}:{port} ({trouble.strerror}). "
                "Stop what listens there, or give --port another number."
            ) from trouble
