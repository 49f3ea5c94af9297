"""A line between two programs that notes when each request and each answer passes.

It passes all on as it is, and reads only as much of HTTP/1.1 as tells where an answer ends.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Final, Self

__all__ = ["Passed", "Wire"]

_READ: Final = 65_536


@dataclass(frozen=True)
class Passed:
    """One request and its answer, with the Unix time of the first's first and the last's last."""

    request: bytes
    answer: bytes
    begun_at: float
    ended_at: float


class Wire:
    """Listens on a port of its own and talks to one port of this machine."""

    def __init__(self, target: int, *, name: Callable[[bytes], str | None]) -> None:
        """Open nothing yet. `name` names a request that is waited for; None for any other."""
        self.passed: Final[dict[str, Future[Passed]]] = defaultdict(Future)
        self.port = 0
        self._target: Final = target
        self._name: Final = name
        self._loop: Final = asyncio.new_event_loop()
        self._thread: Final = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        opening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(5)
        self.port = server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        """Stop; who still talks is cut."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        talk = _Talk(self._note)
        ways = (
            _pump(reader, there[1], talk.asked),
            _pump(there[0], writer, talk.answered),
        )
        await asyncio.gather(*ways, return_exceptions=True)

    def _note(self, one: Passed) -> None:
        name = self._name(one.request)
        if name is not None and not self.passed[name].done():
            self.passed[name].set_result(one)


class _Talk:
    """What one connection says: a request at a time, then its answer."""

    def __init__(self, note: Callable[[Passed], None]) -> None:
        self._note = note
        self._request = self._answer = b""
        self._begun_at = 0.0

    def asked(self, data: bytes) -> None:
        if not self._request:
            self._begun_at = time.time()
        self._request += data

    def answered(self, data: bytes) -> None:
        self._answer += data
        if _is_whole(self._answer):
            end = time.time()
            self._note(Passed(self._request, self._answer, self._begun_at, end))
            self._request = self._answer = b""


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[bytes], None]
) -> None:
    while data := await reader.read(_READ):
        note(data)
        writer.write(data)
    writer.close()


def _is_whole(message: bytes) -> bool:
    head, mark, body = message.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return bool(mark) and len(body) >= int(length or 0)
