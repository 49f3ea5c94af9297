"""A provider that delivers signed events over keep-alive connections, as cheaply as Python can."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

__all__ = ["Delivered", "deliver", "requests"]

CONNECTIONS: Final = 256


class Delivered:
    """What became of deliveries: how many got which status, and the seconds of each."""

    def __init__(self) -> None:
        """Begin with none."""
        self.statuses: Counter[int] = Counter()
        self.took_s: list[float] = []
        self.seconds = 0.0


class _Line(asyncio.Protocol):
    """One connection: sends the next request as soon as the last is answered."""

    def __init__(self, rest: Iterator[bytes], delivered: Delivered) -> None:
        self._rest = rest
        self._delivered = delivered
        self._received = b""
        self._sent_at = 0.0
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, mark, body = self._received.partition(b"\r\n\r\n")
        if not mark:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._delivered.took_s.append(time.perf_counter() - self._sent_at)
        self._delivered.statuses[int(head[9:12])] += 1
        self._received = b""
        self._send()

    def connection_lost(self, _trouble: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("The server hung up."))

    def _send(self) -> None:
        request = next(self._rest, None)
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)


def requests(bodies: Sequence[bytes], *, host: str, secret: str) -> list[bytes]:
    """Return each body signed now, as a whole request."""
    stamp = int(time.time())
    found = []
    for body in bodies:
        signed = hmac.new(secret.encode(), b"%d." % stamp + body, hashlib.sha256).hexdigest()
        head = (
            f"POST /api/webhooks/stripe HTTP/1.1\r\nHost: {host}\r\n"
            "Content-Type: application/json; charset=utf-8\r\nUser-Agent: Stripe/1.0\r\n"
            f"Stripe-Signature: t={stamp},v1={signed}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        found.append(head.encode() + body)
    return found


def deliver(port: int, sent: Sequence[bytes]) -> Delivered:
    """Send all requests over 256 connections and return what became of them."""
    return asyncio.run(_deliver(port, sent))


async def _deliver(port: int, sent: Sequence[bytes]) -> Delivered:
    delivered, rest = Delivered(), iter(sent)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Line(rest, delivered), "127.0.0.1", port)
        for _ in range(min(CONNECTIONS, len(sent)))
    ]
    await asyncio.gather(*(line.ended for _, line in made))
    delivered.seconds = time.perf_counter() - began
    return delivered
