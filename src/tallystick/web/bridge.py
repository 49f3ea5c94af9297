"""The bridge to Django: whole body in, whole reply out, a bounded number of threads between.

Nothing streams either way: a slow client waits at the event loop and never holds a thread.
A thread that hangs keeps nobody waiting, and it is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final

import structlog
from a2wsgi import WSGIMiddleware

from tallystick.web.database import Pulse
from tallystick.web.edge import Exchange, Message, Reply
from tallystick.web.problems import Overloaded

__all__ = ["Bridge"]

log: Final = structlog.get_logger(__name__)

_WAITING_MAX: Final = 256
#: A page or a list is far below; a file of ours is the largest there is.
_REPLY_BYTES_MAX: Final = 16 * 1024 * 1024


class Bridge:
    """Django behind a pool of threads."""

    def __init__(
        self, django: Callable[..., Iterable[bytes]], *, threads: int, pulse: Pulse
    ) -> None:
        """Keep the WSGI application; `threads` requests run at once, others wait."""
        self._wsgi: Final[Any] = WSGIMiddleware(_unless_given_up(django), workers=threads)
        self._threads = threads
        self._pulse = pulse
        self._in_hand: set[asyncio.Task[None]] = set()
        self._hung: set[asyncio.Task[None]] = set()

    async def __call__(self, exchange: Exchange, body: bytes) -> Reply:
        """Return Django's whole reply.

        Raises Overloaded where too many requests wait already, all threads hang or the reply
        takes too long, and DatabaseUnavailable where the database is silent.
        """
        exchange.door = "django"
        if len(self._in_hand) >= _WAITING_MAX or len(self._hung) >= self._threads:
            raise Overloaded("Too many requests wait already. Try again in a moment.")
        collected = _Collected()
        # A task of its own: Django ends what it began, also where nobody waits for the reply.
        work = asyncio.create_task(
            self._wsgi(_scope(exchange, len(body)), _once(body), collected.take)
        )
        self._in_hand.add(work)
        work.add_done_callback(self._ended)
        try:
            await self._pulse.bound(work)
        except TimeoutError:
            raise Overloaded("The answer took too long. Try again.") from None
        finally:
            self._give_up(exchange, work)
        return collected.reply()

    def _give_up(self, exchange: Exchange, work: asyncio.Task[None]) -> None:
        """Let go of what nobody waits for any more, and count the thread that it may hold."""
        if work.done():
            return
        exchange.is_given_up = True
        if exchange.is_begun:
            self._hung.add(work)
            log.error(
                "request_hangs", path=exchange.path, hung=len(self._hung), threads=self._threads
            )

    def _ended(self, work: asyncio.Task[None]) -> None:
        self._in_hand.discard(work)
        if work in self._hung:
            self._hung.discard(work)
            log.info("hung_request_ended", hung=len(self._hung), threads=self._threads)
        if not work.cancelled():
            # Said to be seen: where nobody waits any more, nobody else asks for it.
            work.exception()

    def close(self) -> None:
        """Wait for the requests in hand and end the threads."""
        self._wsgi.executor.shutdown(wait=True)


def _unless_given_up(django: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return the application, which begins nothing that its caller was told is not done."""

    def begin(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        exchange: Exchange = environ["asgi.scope"]["tallystick"]
        if exchange.is_given_up:
            return []
        exchange.is_begun = True
        return django(environ, start_response)

    return begin


class _Collected:
    """What the application sent, put together."""

    def __init__(self) -> None:
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    async def take(self, message: Message) -> None:
        """Take one message of the reply."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
        else:
            self._body += message.get("body", b"")
            if len(self._body) > _REPLY_BYTES_MAX:
                raise RuntimeError("A reply is larger than any page or file of ours may be.")

    def reply(self) -> Reply:
        """Return the reply."""
        if not self._status:
            raise RuntimeError("Django ended without a reply.")
        return Reply(self._status, self._headers, bytes(self._body))


def _once(body: bytes) -> Callable[[], Any]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


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
