"""The dispatcher: every request passes here, once, whole, and under its own id.

It believes nothing that `edge` did not admit, serves the lane itself, and hands the rest to
Django. Whatever goes wrong, it answers, also where perhaps nobody listens any more.
"""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

import structlog

from tallystick import clock, observability, process
from tallystick.errors import TallystickError
from tallystick.observability.metrics import count_request
from tallystick.settings import Settings
from tallystick.web.bridge import Bridge
from tallystick.web.edge import (
    ClientGone,
    Exchange,
    Message,
    Receive,
    Reply,
    Send,
    admit,
    read_body,
    refusal,
)
from tallystick.web.lane import Lane, Serves
from tallystick.web.problems import DoorError

__all__ = ["Dispatcher", "build"]

log: Final = structlog.get_logger(__name__)


class House(Serves, Protocol):
    """What the dispatcher needs of the house."""

    def close(self) -> None:
        """Close what was opened."""


class Dispatcher:
    """The ASGI application of one server process."""

    def __init__(self, settings: Settings, *, house: House, lane: Lane, bridge: Bridge) -> None:
        """Keep the parts; nothing is opened."""
        self._settings = settings
        self._scheme = settings.public_url.partition(":")[0]
        self._house = house
        self._lane = lane
        self._bridge = bridge

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's life."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self._close)
        await send({"type": "lifespan.shutdown.complete"})

    def _close(self) -> None:
        """Let what is in hand end, then close the house."""
        self._bridge.close()
        self._lane.close()
        self._house.close()

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        mark = clock.start()
        exchange = Exchange.of(
            scope, scheme=self._scheme, trusted_proxies=self._settings.trusted_proxies
        )
        observability.bind_request_id(exchange.request_id)
        reply = await self._answer(exchange, receive)
        own = [(b"x-request-id", exchange.request_id.encode()), (b"server", b"tallystick")]
        # Before the bytes go: it was done, also if nobody reads the reply.
        _tell(exchange, reply.status, clock.elapsed_since(mark))
        await send(
            {
                "type": "http.response.start",
                "status": reply.status,
                "headers": [*reply.headers, *own],
            }
        )
        body = b"" if exchange.method == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, exchange: Exchange, receive: Receive) -> Reply:
        try:
            admit(exchange)
            door = self._lane.door(exchange) or self._bridge
            body = await read_body(
                receive,
                exchange,
                bytes_max=self._settings.body_bytes_max,
                timeout_s=self._settings.body_timeout_s,
            )
            return await door(exchange, body)
        except TallystickError as error:
            headers = error.headers if isinstance(error, DoorError) else {}
            return refusal(exchange, error.code, detail=str(error), headers=headers)
        except ClientGone:
            # Harmless where nobody listens; a broken chunk's sender does.
            return refusal(
                exchange,
                "request_malformed",
                detail="The body ended before it was complete; nothing was done.",
                headers={"Connection": "close"},
            )
        except Exception:
            log.exception("request_failed", method=exchange.method, path=exchange.path)
            return refusal(exchange, "internal_error")


def build() -> Dispatcher:
    """Return this process's application, with Django loaded and nothing connected.

    Raises SettingsError. Django's settings are tallystick.web.settings unless the usual
    variable of Django names a module that derives from them.
    """
    from django.conf import settings as django_settings  # noqa: PLC0415 - Django is loaded only now
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415 - the same

    settings: Settings = django_settings.TALLYSTICK
    observability.configure(settings.log_level, settings.log_format)
    django = get_wsgi_application()
    from django.urls import get_resolver  # noqa: PLC0415 - the same

    from tallystick.web.database import Pulse  # noqa: PLC0415 - the same
    from tallystick.web.house import house  # noqa: PLC0415 - the same

    # The first request must not wait for the pages' and the API's modules.
    _ = get_resolver().url_patterns
    process.settle()
    pulse = Pulse(settings.database_url.get_secret_value())
    return Dispatcher(
        settings,
        house=house(),
        lane=Lane(house(), pulse=pulse, waived=settings.waived),
        bridge=Bridge(django, threads=settings.server_threads, pulse=pulse),
    )


def _tell(exchange: Exchange, status: int, seconds: float) -> None:
    """Count the request and write its line."""
    count_request(door=exchange.door, method=exchange.method, status=status, seconds=seconds)
    write = log.debug if exchange.path.startswith("/api/health") else log.info
    write(
        "request",
        method=exchange.method,
        path=exchange.path,
        status=status,
        duration_ms=round(seconds * 1000, 1),
        client=exchange.client[0],
        person=exchange.person,
        key_id=exchange.key_id,
    )
