"""One line of the proxy: two sockets, and the bytes between them."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Final

from tallystick.testing.model import WORD_BYTES_MAX, Cue, Trouble, Way

__all__ = ["Line", "Weather"]

_PIECE_BYTES: Final = 65_536
#: Close with a reset, so that the other side learns of it at once and loses what it has not read.
_RESET: Final = struct.pack("ii", 1, 0)


class Weather:
    """What all lines of a proxy suffer now; lines wait here for it to change."""

    def __init__(self) -> None:
        """Begin fair."""
        self.troubles: dict[Way, Trouble] = {way: Trouble() for way in Way}
        self.cues: list[Cue] = []
        self._changed = asyncio.Event()

    def set(self, way: Way, trouble: Trouble) -> None:
        """Change what happens one way and wake who waits."""
        self.troubles[way] = trouble
        self._changed.set()
        self._changed = asyncio.Event()

    def clear(self) -> None:
        """Be fair again, and forget all cues."""
        self.cues.clear()
        for way in Way:
            self.set(way, Trouble())

    async def passable(self, way: Way) -> Trouble:
        """Wait until something gets through this way; return what it suffers."""
        while self.troubles[way].is_blackhole:
            await self._changed.wait()
        return self.troubles[way]

    def cue(self, tail: bytes, piece: bytes) -> Cue | None:
        """Return the cue whose word the client has just said, and count it as used."""
        for cue in self.cues:
            if cue.is_in(tail, piece):
                cue.times -= 1
                if not cue.times:
                    self.cues.remove(cue)
                return cue
        return None


class Line:
    """A client's connection and ours to the server, with a pump each way."""

    def __init__(
        self, weather: Weather, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Keep the client's side; the server is not called yet."""
        self._weather = weather
        self._client = (reader, writer)
        self._writers = [writer]
        self._is_answer_lost = False
        self._work: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()

    async def run(self, host: str, port: int) -> None:
        """Pass bytes both ways until both sides have ended, or the line is cut."""
        self._work = asyncio.create_task(self._pass(host, port))
        await asyncio.wait([self._work])
        if self._work.cancelled() or self._work.exception() is not None:
            self.cut()
        for writer in self._writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        self.ended.set()

    def cut(self) -> None:
        """Reset both sides."""
        for writer in self._writers:
            _reset(writer)
        if self._work is not None:
            self._work.cancel()

    async def _pass(self, host: str, port: int) -> None:
        await self._weather.passable(Way.TO_SERVER)
        server = await asyncio.open_connection(host, port)
        self._writers.append(server[1])
        await asyncio.gather(
            self._pump(Way.TO_SERVER, self._client[0], server[1]),
            self._pump(Way.TO_CLIENT, server[0], self._client[1]),
        )

    async def _pump(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        tail = b""
        while piece := await reader.read(_PIECE_BYTES):
            if way is Way.TO_SERVER and self._hears(tail, piece):
                return
            if way is Way.TO_CLIENT and self._is_answer_lost:
                self.cut()
                return
            tail = (tail + piece)[-WORD_BYTES_MAX:]
            await self._deliver(way, piece, writer)
        if writer.can_write_eof():
            writer.write_eof()

    def _hears(self, tail: bytes, piece: bytes) -> bool:
        """Return whether the line was cut at a cue that the server must not hear."""
        cue = self._weather.cue(tail, piece)
        if cue is None:
            return False
        self._is_answer_lost = cue.is_delivered
        if not cue.is_delivered:
            self.cut()
        return not cue.is_delivered

    async def _deliver(self, way: Way, piece: bytes, writer: asyncio.StreamWriter) -> None:
        trouble = await self._weather.passable(way)
        if trouble.delay_s:
            await asyncio.sleep(trouble.delay_s)
            trouble = await self._weather.passable(way)
        for part in trouble.slices(piece):
            writer.write(part)
            await writer.drain()
            if trouble.slice_bytes:
                await asyncio.sleep(trouble.pause_s)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None and raw.fileno() >= 0:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
