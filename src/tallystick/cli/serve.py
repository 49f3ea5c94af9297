"""`tallystick serve`: the web server's processes, respawned when they fail.

The parent loads no page and opens no connection that it keeps; its workers die with it.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import structlog
import typer

from tallystick import observability, process
from tallystick.cli.startup import refuse_unsafe_database, settings_or_exit
from tallystick.cli.telling import refuse_busy, tell_metrics
from tallystick.observability.exposition import Folder, join
from tallystick.settings.model import PREFIX

if TYPE_CHECKING:
    from granian.server.mp import MPServer

__all__ = ["register"]

log: Final = structlog.get_logger(__name__)

_Host = Annotated[str | None, typer.Option("--host", help="The interface to listen on.")]
_Port = Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="The port.")]
_Workers = Annotated[int | None, typer.Option("--workers", min=1, max=64, help="Processes.")]

_RESPAWN_S: Final = 0.2
#: So many deaths in so many seconds are no accidents: then the server ends.
_DEATHS_MAX: Final = 8
_DEATHS_WITHIN_S: Final = 10.0
#: How long requests in hand may take after SIGTERM before their process is killed.
_DRAIN_S: Final = 30
_HEAD_WITHIN_MS: Final = 10_000
_HEAD_BYTES_MAX: Final = 65_536


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("serve")(_serve)


def _serve(*, host: _Host = None, port: _Port = None, workers: _Workers = None) -> None:
    """Serve the pages and the API until SIGTERM or Ctrl-C; requests in hand are finished."""
    settings = settings_or_exit()
    observability.configure(settings.log_level, settings.log_format)
    address = (host or settings.bind_host, port or settings.port)
    refuse_unsafe_database(settings)
    _end_workers_that_load()
    with ExitStack() as stack:
        folder = tell_metrics(
            settings.metrics_host, settings.metrics_port, variable="METRICS_PORT", stack=stack
        )
        # After the metrics have their port, which --port may name by mistake.
        refuse_busy(
            *address, setting=f"--host or {PREFIX}BIND_HOST", remedy=f"--port or {PREFIX}PORT"
        )
        server = _server(*address, workers=workers or settings.server_workers, folder=folder)
        load = partial(_load, os.getpid(), None if folder is None else folder.path)
        server.serve(target_loader=load, wrap_loader=False)


def _end_workers_that_load() -> None:
    """Let SIGTERM end a worker that still loads: our own handlers, which it inherits, would not.

    The signals wait while a worker is made, because one that comes in between would be lost.
    """
    ends = {signal.SIGTERM, signal.SIGINT}

    def forget() -> None:
        for number in ends:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ends)

    os.register_at_fork(
        before=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ends),
        after_in_parent=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, ends),
        after_in_child=forget,
    )


def _load(parent: int, folder: Path | None) -> Callable[..., Any]:
    """Return the application, in a worker that ends at once when its parent is gone.

    It counts in the folder, where there is one.
    """
    process.die_with_parent(signal.SIGKILL, parent=parent)
    if folder is not None:
        join(folder)
    from tallystick.web import asgi  # noqa: PLC0415 - Django is the workers' alone

    return asgi.build()


def _server(host: str, port: int, *, workers: int, folder: Folder | None) -> MPServer:
    """Return Granian, HTTP/1 alone, whose respawning outlives more than one crash.

    `folder` is told which workers have ended.
    """
    # Granian is imported here so that the other commands need not wait for it.
    from granian.constants import HTTPModes, Interfaces  # noqa: PLC0415 - as above
    from granian.http import HTTP1Settings  # noqa: PLC0415 - as above
    from granian.server.mp import MPServer  # noqa: PLC0415 - as above

    deaths: deque[float] = deque(maxlen=_DEATHS_MAX)

    class Respawning(MPServer):
        """Granian gives up at a worker's second death within 5.5 s; a house does not."""

        def _respawn_workers(self, workers: Sequence[int], *args: Any, **kwargs: Any) -> None:
            deaths.append(time.monotonic())
            if len(deaths) == _DEATHS_MAX and deaths[-1] - deaths[0] < _DEATHS_WITHIN_S:
                log.critical("server_gives_up", deaths=_DEATHS_MAX, within_s=_DEATHS_WITHIN_S)
                self.interrupt_children.append(0)  # makes the exit status 1
                self.interrupt_signal = True
                self.main_loop_interrupt.set()
                return
            old = [self.wrks[place].inner for place in workers]
            dead = [worker for worker in old if not worker.is_alive()]
            # At once, and before a new one can have its number.
            _bury(dead, folder)
            time.sleep(_RESPAWN_S)
            super()._respawn_workers(workers, *args, **kwargs)
            # In a reload the old ones live until the new ones are there.
            _bury([worker for worker in old if worker not in dead], folder)
            self.respawned_wrks.clear()

    return Respawning(
        target="tallystick.web.asgi",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        workers=workers,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEAD_WITHIN_MS, max_buffer_size=_HEAD_BYTES_MAX
        ),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_S,
        log_dictconfig={"loggers": {"_granian": {"propagate": True}}},
    )


def _bury(workers: Sequence[Any], folder: Folder | None) -> None:
    if folder is not None:
        for worker in workers:
            folder.bury(worker.pid)
