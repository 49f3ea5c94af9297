"""A TCP proxy for tests: it passes bytes on until it is told to cut, delay, blackhole or slice.

One thread with an event loop of its own serves all lines; every method may be called from any
thread and has taken effect when it returns. It decides nothing by chance.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit

from tallystick.testing.line import Line, Weather
from tallystick.testing.model import WORD_BYTES_MAX, Cue, Way

__all__ = ["TcpProxy"]

#: Seconds that a method waits for the proxy's own thread before it says that something is wrong.
_ANSWER_S: Final = 10.0
_Answer = TypeVar("_Answer")


class TcpProxy:
    """A line to one server, on a port of its own of 127.0.0.1, that fails on request.

    Use it as a context manager: it listens from the beginning to the end of the block.
    """

    def __init__(self, host: str, port: int) -> None:
        """Keep the server's address; nothing is opened yet."""
        self._server_address = (host, port)
        self._weather = Weather()
        self._lines: set[Line] = set()
        self._taken = 0
        self._is_refusing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._listener: asyncio.Server | None = None
        self.port = 0

    @classmethod
    def to(cls, url: str, *, port: int = 5432) -> Self:
        """Return a proxy to the server of a URL; `port` is for a URL that names none."""
        parts = urlsplit(url)
        return cls(parts.hostname or "127.0.0.1", parts.port or port)

    def url(self, url: str) -> str:
        """Return the URL with the proxy's address in place of the server's."""
        parts = urlsplit(url)
        login, at, _ = parts.netloc.rpartition("@")
        return parts._replace(netloc=f"{login}{at}127.0.0.1:{self.port}").geturl()

    def __enter__(self) -> Self:
        """Listen."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy")
        self._thread.start()
        self._ask(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut all lines, listen no more, and end the thread."""
        assert self._loop is not None
        assert self._thread is not None
        self._ask(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_S)
        self._loop.close()
        self._loop = self._thread = None

    @property
    def lines(self) -> int:
        """Return how many lines are open now."""
        return len(self._lines)

    @property
    def taken(self) -> int:
        """Return how many lines were taken so far, refused ones included."""
        return self._taken

    def delay(self, seconds: float, *way: Way) -> None:
        """Let every piece arrive so much later, both ways unless one is given."""
        self._change(way, delay_s=seconds)

    def slice(self, most: int, *way: Way, pause_s: float = 0.0) -> None:
        """Let at most so many bytes arrive at once, with a pause between two slices."""
        self._change(way, slice_bytes=most, pause_s=pause_s)

    def blackhole(self, *way: Way) -> None:
        """Let nothing arrive, while lines stay open and new ones are taken, until `heal`."""
        self._change(way, is_blackhole=True)

    def cut(self) -> int:
        """Reset all lines now and return how many; new ones are taken."""
        return self._ask(self._cut())

    def cut_at(self, word: bytes, *, is_delivered: bool = False, times: int = 1) -> None:
        """Reset a line when the client says `word`.

        The server never hears it; or, where `is_delivered`, it hears it and answers, and the
        answer is lost.
        """
        if not 1 <= len(word) <= WORD_BYTES_MAX or times < 1:
            raise ValueError(f"Give a word of 1 to {WORD_BYTES_MAX} bytes, and cut at least once.")
        self._ask(self._listen_for(Cue(word, is_delivered, times)))

    def refuse(self) -> None:
        """Reset every new line at once, until `heal`; lines that are open stay."""
        self._ask(self._refuse(is_refusing=True))

    def heal(self) -> None:
        """Be a good line again: no trouble, no cue, and what was held back arrives."""
        self._ask(self._heal())

    def _change(self, ways: tuple[Way, ...], **change: Any) -> None:
        self._ask(self._set(ways or tuple(Way), change))

    def _ask(self, work: Coroutine[Any, Any, _Answer]) -> _Answer:
        if self._loop is None:
            work.close()
            raise RuntimeError("The proxy listens within its block: `with TcpProxy(…) as proxy`.")
        future: Future[_Answer] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(_ANSWER_S)

    async def _open(self) -> None:
        self._listener = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._listener is not None
        self._listener.close()
        ending = [line.ended for line in self._lines]
        await self._cut()
        await asyncio.gather(*(ended.wait() for ended in ending))

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._taken += 1
        line = Line(self._weather, reader, writer)
        if self._is_refusing:
            line.cut()
            return
        self._lines.add(line)
        try:
            await line.run(*self._server_address)
        finally:
            self._lines.discard(line)

    async def _set(self, ways: tuple[Way, ...], change: dict[str, Any]) -> None:
        for way in ways:
            self._weather.set(way, replace(self._weather.troubles[way], **change))

    async def _listen_for(self, cue: Cue) -> None:
        self._weather.cues.append(cue)

    async def _refuse(self, *, is_refusing: bool) -> None:
        self._is_refusing = is_refusing

    async def _cut(self) -> int:
        open_lines = list(self._lines)
        for line in open_lines:
            line.cut()
        return len(open_lines)

    async def _heal(self) -> None:
        self._is_refusing = False
        self._weather.clear()
