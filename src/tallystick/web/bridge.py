"""The bridge to Django: whole body in, whole reply out, a bounded number of threads between.

Nothing streams either way: a slow client waits at the event loop and never holds a thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from a2wsgi import WSGIMiddleware

from tallystick.web.edge import Exchange, Message, Reply
from tallystick.web.problems import Overloaded

__all__ = ["Bridge"]

_WAITING_MAX: Final = 256
#: A page or a list is far below; a file of ours is the largest there is.
_REPLY_BYTES_MAX: Final = 16 * 1024 * 1024


class Bridge:
    """Django behind a pool of threads."""

    def __init__(self, django: Callable[..., Iterable[bytes]], *, threads: int) -> None:
        """Keep the WSGI application; `threads` requests run at once, others wait."""
        self._wsgi: Final[Any] = WSGIMiddleware(django, workers=threads)
        self._in_hand = 0

    async def __call__(self, exchange: Exchange, body: bytes) -> Reply:
        """Return Django's whole reply; raise Overloaded where too many requests wait already."""
        if self._in_hand >= _WAITING_MAX:
            raise Overloaded("Too many requests wait already. Try again in a moment.")
        self._in_hand += 1
        collected = _Collected()
        try:
            await self._wsgi(_scope(exchange, len(body)), _once(body), collected.take)
        finally:
            self._in_hand -= 1
        return collected.reply()

    def close(self) -> None:
        """Wait for the requests in hand and end the threads."""
        self._wsgi.executor.shutdown(wait=True)


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
