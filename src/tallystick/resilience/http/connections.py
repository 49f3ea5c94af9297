"""Connections whose every wait ends at the deadline of the call that uses them.

A timeout of the usual kind is for one wait, and who sends a byte a second never meets it. Here
each wait gets what the call has left.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from tallystick import clock
from tallystick.resilience.deadline import Deadline, DeadlinePassed

__all__ = ["PlainPool", "TlsPool", "within"]

#: A line that was idle for longer may have been given up by the other side, unheard.
_IDLE_S_MAX: Final = 20.0


class _Call(threading.local):
    """The call of this thread: it has its connection for itself until its end."""

    deadline: Deadline | None = None
    connect_s: float = 0.0


_call: Final = _Call()


@contextmanager
def within(deadline: Deadline, *, connect_s: float) -> Iterator[None]:
    """Let what this thread does on our connections end at the deadline."""
    _call.deadline, _call.connect_s = deadline, connect_s
    try:
        yield
    finally:
        _call.deadline = None


def _left_s() -> float:
    """Return what the running call has left; raise DeadlinePassed."""
    assert _call.deadline is not None, "used outside of a call"
    return _call.deadline.left_s()


class _TimedSocket:
    """A socket, plain or TLS, whose waits are no longer than the running call has left."""

    def __init__(self, inner: Any) -> None:
        self._inner: Final = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def sendall(self, data: Any, *flags: int) -> None:
        """Send all; one deadline is for the whole of it."""
        with self._in_time():
            self._inner.sendall(data, *flags)

    def recv_into(self, buffer: Any, *more: Any) -> int:
        """Wait for some bytes."""
        with self._in_time():
            count: int = self._inner.recv_into(buffer, *more)
        return count

    def makefile(self, mode: str, *_: Any, **__: Any) -> io.BufferedReader:
        """Return the reader of an answer, as the standard library's client asks for it."""
        assert mode == "rb", mode
        # As socket.makefile does: the inner one stays open until its readers are closed.
        self._inner._io_refs += 1  # noqa: SLF001 - the contract of SocketIO
        return io.BufferedReader(socket.SocketIO(self, "r"))  # type: ignore[arg-type]

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        self._inner.settimeout(_left_s())
        try:
            yield
        except TimeoutError as trouble:
            raise DeadlinePassed("The call's time is over.") from trouble


if TYPE_CHECKING:
    _Base = HTTPConnection
else:
    _Base = object


class _Timed(_Base):
    """What both kinds of connection do otherwise than the library's."""

    _used_at: float | None = None

    def connect(self) -> None:
        """Connect within the call's time, the greeting of TLS included."""
        super().connect()
        self.sock: Any = _TimedSocket(self.sock)

    def request(self, *words: Any, **more: Any) -> None:
        """Send a request, and note that the line is in use."""
        self._used_at = clock.start()
        super().request(*words, **more)

    @property
    def is_connected(self) -> bool:
        """Return whether the line can be used again."""
        idle_s = 0.0 if self._used_at is None else clock.elapsed_since(self._used_at)
        return idle_s < _IDLE_S_MAX and super().is_connected

    def _new_conn(self) -> socket.socket:
        """Return a connection to the first of the host's addresses that takes one in time."""
        ends = Deadline(min(_call.connect_s, _left_s()))
        try:
            found = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
        except OSError as trouble:
            raise NameResolutionError(self.host, self, trouble) from trouble  # type: ignore[arg-type]
        last: OSError | None = None
        for *_, address in found:
            place = (str(address[0]), self.port)
            try:
                line = socket.create_connection(place, timeout=ends.left_s())
            except TimeoutError as trouble:
                raise ConnectTimeoutError(self, f"{self.host} does not answer") from trouble
            except OSError as trouble:
                last = trouble
            else:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                # TLS greets within what is left of it.
                line.settimeout(ends.left_s())
                return line
        raise NewConnectionError(self, f"{self.host} takes no connection: {last}") from last


class _PlainConnection(_Timed, HTTPConnection):
    """HTTP."""


class _TlsConnection(_Timed, HTTPSConnection):
    """HTTPS."""


class PlainPool(HTTPConnectionPool):
    """Connections of HTTP."""

    ConnectionCls = _PlainConnection


class TlsPool(HTTPSConnectionPool):
    """Connections of HTTPS."""

    ConnectionCls = _TlsConnection
