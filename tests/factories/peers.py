"""A provider that behaves as a test says, byte by byte, on a socket of its own."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Talk:
    """One request, and the line on which it is answered."""

    peer: Peer
    line: socket.socket
    request: bytes

    def send(self, data: bytes) -> None:
        self.line.sendall(data)

    def drip(self, data: bytes, pause_s: float = 0.05) -> None:
        """Send a byte now and then, until all is sent or the test ends."""
        for at in range(len(data)):
            self.line.sendall(data[at : at + 1])
            if self.peer.ended.wait(pause_s):
                return

    def hang(self) -> None:
        """Say nothing until the test ends."""
        self.peer.ended.wait(60)

    def end(self) -> None:
        self.line.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.line.close()


class Peer:
    """A server that answers each request by a script; it counts what it took.

    Without a script it takes lines and reads nothing of them.
    """

    def __init__(self, script: Callable[[Talk], object] | None) -> None:
        self.script = script
        #: What becomes of a line before its first request.
        self.wrap: Callable[[socket.socket], socket.socket] = lambda line: line
        self.ended = threading.Event()
        self.lines = 0
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1/things"

    def wait_for_the_lines_to_end(self) -> None:
        for thread in self._threads[1:]:
            thread.join(5)

    def close(self) -> None:
        self.ended.set()
        # A second close finds it closed already.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._open:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        for line in self._open:
            line.close()

    def _listen(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self.lines += 1
            self._open.append(line)
            thread = threading.Thread(target=self._serve, args=(line,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, line: socket.socket) -> None:
        if self.script is None:
            self.ended.wait(60)
            return
        with contextlib.suppress(OSError):
            line = self.wrap(line)
            self._open.append(line)
            while request := self._request(line):
                self.requests.append(request)
                self.script(Talk(self, line, request))

    @staticmethod
    def _request(line: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = line.recv(65_536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        words = head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]
        while len(body) < int(words or 0):
            body += line.recv(65_536)
        return head + b"\r\n\r\n" + body
