"""The bridge to Django: whole body in, whole reply out, a bounded number of threads between.

Nothing streams either way: a slow client waits at the event loop and never holds a thread, and a
thread never waits for the loop. One that hangs keeps nobody waiting, and it is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from io import BytesIO
from typing import Any, Final, cast

import structlog
from a2wsgi.wsgi import build_environ

from tallystick.web.database import Pulse
from tallystick.web.edge import Exchange, Message, Reply
from tallystick.web.problems import Overloaded

__all__ = ["Bridge"]

log: Final = structlog.get_logger(__name__)

#: It asks of the body no more than WSGI does.
_environ: Final = cast("Callable[..., dict[str, Any]]", build_environ)
_WAITING_MAX: Final = 256
#: A page or a list is far below; a file of ours is the largest there is.
_REPLY_BYTES_MAX: Final = 16 * 1024 * 1024


class Bridge:
    """Django behind a pool of threads."""

    def __init__(
        self, django: Callable[..., Iterable[bytes]], *, threads: int, pulse: Pulse
    ) -> None:
        """Keep the WSGI application; `threads` requests run at once, others wait."""
        self._django: Final = django
        self._executor: Final = ThreadPoolExecutor(threads, thread_name_prefix="django")
        self._threads = threads
        self._pulse = pulse
        self._in_hand: set[asyncio.Future[Reply | None]] = set()
        self._hung: set[asyncio.Future[Reply | None]] = set()

    async def __call__(self, exchange: Exchange, body: bytes) -> Reply:
        """Return Django's whole reply.

        Raises Overloaded where too many requests wait already, all threads hang or the reply
        takes too long, and DatabaseUnavailable where the database is silent.
        """
        exchange.door = "django"
        if len(self._in_hand) >= _WAITING_MAX or len(self._hung) >= self._threads:
            raise Overloaded("Too many requests wait already. Try again in a moment.")
        # Django ends what it began, also where nobody waits for the reply.
        work = asyncio.get_running_loop().run_in_executor(
            self._executor, copy_context().run, self._ask, exchange, body
        )
        self._in_hand.add(work)
        work.add_done_callback(self._ended)
        try:
            reply = await self._pulse.bound(work)
        except TimeoutError:
            raise Overloaded("The answer took too long. Try again.") from None
        finally:
            self._give_up(exchange, work)
        assert reply is not None, "who waits has given up nothing"
        return reply

    def _ask(self, exchange: Exchange, body: bytes) -> Reply | None:
        """Return Django's reply, in one of its threads; None where nobody waits any more.

        Nothing is begun that its caller was told is not done.
        """
        if exchange.is_given_up:
            return None
        exchange.is_begun = True
        answer = _Answer()
        environ = _environ(_scope(exchange, len(body)), BytesIO(body))
        try:
            return answer.reply(self._django(environ, answer.start))
        except (StopIteration, SystemExit, KeyboardInterrupt) as odd:
            # The first would never arrive through a future, the others would end the server.
            raise RuntimeError("Django ended as no request ends.") from odd

    def _give_up(self, exchange: Exchange, work: asyncio.Future[Reply | None]) -> None:
        """Let go of what nobody waits for any more, and count the thread that it may hold."""
        if work.done():
            return
        exchange.is_given_up = True
        if exchange.is_begun:
            self._hung.add(work)
            log.error(
                "request_hangs", path=exchange.path, hung=len(self._hung), threads=self._threads
            )

    def _ended(self, work: asyncio.Future[Reply | None]) -> None:
        self._in_hand.discard(work)
        if work in self._hung:
            self._hung.discard(work)
            log.info("hung_request_ended", hung=len(self._hung), threads=self._threads)
        if not work.cancelled():
            # Said to be seen: where nobody waits any more, nobody else asks for it.
            work.exception()

    def close(self) -> None:
        """Wait for the requests in hand and end the threads."""
        self._executor.shutdown(wait=True)


class _Answer:
    """What the application says by WSGI (PEP 3333), put together."""

    def __init__(self) -> None:
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    def start(
        self, status: str, headers: list[tuple[str, str]], _trouble: object = None
    ) -> Callable[[bytes], None]:
        """Take the status line and the headers; return what takes more of the body."""
        self._status = int(status.partition(" ")[0])
        self._headers = [
            (name.strip().lower().encode("latin-1"), value.strip().encode("latin-1"))
            for name, value in headers
        ]
        return self._take

    def reply(self, parts: Iterable[bytes]) -> Reply:
        """Return the reply with the body in these parts, which are closed."""
        try:
            for part in parts:
                self._take(part)
        finally:
            # Django's signal that the request is over, which gives the connection back.
            getattr(parts, "close", _nothing)()
        if not self._status:
            raise RuntimeError("Django ended without a reply.")
        return Reply(self._status, self._headers, bytes(self._body))

    def _take(self, part: bytes) -> None:
        self._body += part
        if len(self._body) > _REPLY_BYTES_MAX:
            raise RuntimeError("A reply is larger than any page or file of ours may be.")


def _nothing() -> None:
    """Close nothing: a list of parts has no end of its own."""


def _scope(exchange: Exchange, length: int) -> Message:
    """Return the scope that Django sees: our client, scheme and headers, the true length."""
    kept = [pair for pair in exchange.headers if pair[0] != b"content-length"]
    return {
        **exchange.scope,
        "root_path": "",
        "scheme": exchange.scheme,
        "client": exchange.client,
        "headers": [*kept, (b"content-length", str(length).encode())],
        "tallystick": exchange,
    }
