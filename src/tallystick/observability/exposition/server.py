"""The address at which metrics are told: GET and HEAD of /metrics, in threads of their own.

Whoever asks slowly, or opens a connection and says nothing, is let go after some seconds and
keeps nobody waiting. It says nothing in the log of those who ask.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any, Final

import structlog

from tallystick import clock
from tallystick.observability.exposition.folder import Folder

__all__ = ["METRICS_THREAD", "exposed"]

log: Final = structlog.get_logger(__name__)

#: The thread that listens: it is made for a process that forks.
METRICS_THREAD: Final = "metrics"
_PATH: Final = "/metrics"
_TEXT: Final = "text/plain; charset=utf-8"
#: Prometheus' text format, in the version that every scraper reads.
_METRICS: Final = "text/plain; version=0.0.4; charset=utf-8"
#: How long a connection may be silent, and how long it may take in all, in seconds.
_SILENT_S: Final = 3.0
_WHOLE_S: Final = 6.0
_AT_ONCE_MAX: Final = 16
#: How often late connections are looked for, and how long the end may have to wait, in seconds.
_LOOK_EVERY_S: Final = 0.2


@contextmanager
def exposed(host: str, port: int) -> Iterator[Folder]:
    """Serve at the address what is counted in a fresh folder, until the end; give the folder.

    Raises OSError where the address cannot be listened on or no folder can be made.
    """
    with contextlib.ExitStack() as stack:
        folder = Folder.make()
        stack.callback(folder.remove)
        server = stack.enter_context(_Server(host, port, folder.text))
        # A child of a fork would hold the port, and the line of whoever asks just now.
        os.register_at_fork(after_in_child=server.let_go)
        asked = threading.Thread(
            target=server.serve_forever, args=(_LOOK_EVERY_S,), name=METRICS_THREAD, daemon=True
        )
        _start_deaf(asked)
        stack.callback(server.shutdown)
        yield folder


def _start_deaf(thread: threading.Thread) -> None:
    """Start a thread that takes no signal of the process, nor do those that it starts.

    Python runs a handler in the main thread, and a signal that another thread takes does not wake
    it: while scrapes come in, a server would sleep through its SIGTERM.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        thread.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Server(ThreadingTCPServer):
    """A thread a connection, few connections at once, and none for long."""

    allow_reuse_address = True
    daemon_threads = True
    #: Wait to be accepted, or refused, for a moment.
    request_queue_size = 64

    def __init__(self, host: str, port: int, text: Callable[[], bytes]) -> None:
        """Listen; `text` returns the metrics."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.text = text
        self._begun: dict[Any, float] = {}
        super().__init__((host, port), _Scrape)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve the connection in a thread, unless there are too many already."""
        if len(self._begun) >= _AT_ONCE_MAX:
            self.shutdown_request(request)
            return
        self._begun[request] = clock.start()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End the connection."""
        self._begun.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Cut the connections that have taken too long: their threads then end by themselves."""
        for request, mark in list(self._begun.items()):
            if clock.elapsed_since(mark) > _WHOLE_S:
                with contextlib.suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """Say nothing where somebody only does not listen any more."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("scrape_failed", client=client_address[0], exc_info=error)

    def let_go(self) -> None:
        """Close, in a child, what it has of the parent's connections."""
        for connection in (self.socket, *self._begun):
            # Past the object's own close, which waits for those who read from it: the parent's.
            with contextlib.suppress(OSError):
                os.close(connection.detach())


class _Scrape(BaseHTTPRequestHandler):
    """One request, and the end of its connection."""

    server: _Server
    timeout = _SILENT_S

    def parse_request(self) -> bool:
        """Return whether it is a scrape; answer it here where it is anything else."""
        if not super().parse_request():
            return False
        if self.path.partition("?")[0] != _PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"Metrics are at {_PATH}.\n".encode())
        elif self.command not in {"GET", "HEAD"}:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, b"Use GET or HEAD.\n", Allow="GET, HEAD")
        else:
            return True
        return False

    def do_GET(self) -> None:
        """Tell the metrics."""
        try:
            text = self.server.text()
        except Exception:
            log.exception("metrics_not_told")
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"The server's log says why.\n")
        else:
            self._answer(HTTPStatus.OK, text, _METRICS)

    do_HEAD = do_GET  # noqa: N815 - the library finds it by this name

    def _answer(self, status: HTTPStatus, body: bytes, kind: str = _TEXT, **more: str) -> None:
        self.send_response(status)
        fields = {"Content-Type": kind, "Content-Length": str(len(body)), **more}
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """Return what the header Server says: no version of anything."""
        return "tallystick"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
        """Say nothing: scrapes come every few seconds."""
