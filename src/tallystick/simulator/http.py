"""A small HTTP door over raw ASGI: bounded requests in, one reply out, durable before sent.

Handlers are plain functions from Request to Reply on the event loop's thread. The door syncs
the journal before it answers, and does to the reply what its fate says.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import structlog

from tallystick.simulator import callers
from tallystick.simulator.errors import CallerUnknown, JournalUnwritable
from tallystick.simulator.journal import Journal

__all__ = ["Door", "Fate", "Handler", "Reply", "Request", "Router", "json_reply", "refusal"]

BODY_BYTES_MAX: Final = 65_536
HEADER_BYTES_MAX: Final = 16_384
BODY_WAIT_S: Final = 10
#: How long a reply that never comes is withheld before the connection is given up.
HANG_S: Final = 120

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole. Header names are in lower case; a repeated one keeps the first."""

    method: str
    path: str
    query: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: What stood in the path where the route has {names}.
    names: Mapping[str, str] = field(default_factory=dict)
    #: Where the other end of the connection is.
    client: callers.Address | None = None
    #: The port that the request came in by.
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a reply once the journal is synced."""

    #: Wait so long before it is sent, in seconds.
    hold_s: float = 0
    #: Never send it.
    hangs: bool = False
    #: The process ends itself instead of sending it.
    kills: bool = False
    #: The process that called is killed instead.
    kills_caller: bool = False
    #: … or this one.
    pid: int | None = None
    #: Send half of the body and close the connection.
    cuts: bool = False
    #: Send one byte each so many seconds.
    drip_s: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, and its fate."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    fate: Fate = field(default_factory=Fate)
    #: Called when the work is over and durable, before the reply is sent.
    done: Callable[[], None] | None = None


Handler = Callable[[Request], Reply]


class Life(Protocol):
    """What starts and ends with the server."""

    async def start(self) -> None:
        """Begin background work."""
        ...

    async def stop(self) -> None:
        """End it."""
        ...


class Router:
    """Routes by method and path; `{name}` stands for one segment of the path."""

    def __init__(self) -> None:
        """Start without routes."""
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []

    def add(self, method: str, path: str, handler: Handler) -> None:
        """This function will send requests for the path to the handler."""
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[A-Za-z0-9_.-]{1,255})", path)
        self._routes.append((method, re.compile(pattern), handler))

    def answer(self, request: Request) -> Reply:
        """Return the handler's reply, or 404 or 405."""
        allowed = []
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if method == request.method:
                return handler(replace(request, names=match.groupdict()))
            allowed.append(method)
        url = f"{request.method}: {request.path[:200]}"
        if allowed:
            reply = refusal(405, f"Unrecognized request method ({url}).")
            return replace(reply, headers={**reply.headers, "Allow": ", ".join(allowed)})
        return refusal(404, f"Unrecognized request URL ({url}).")


class Door:
    """The ASGI application."""

    def __init__(self, router: Router, *, journal: Journal, life: Life) -> None:
        """Join the routes, the journal and the background work."""
        self._router = router
        self._journal = journal
        self._life = life

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI's kinds http and lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._life.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._life.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive)
        if request is None:
            return
        reply = request if isinstance(request, Reply) else self._answer(request)
        try:
            reply = await self._settle(scope, reply)
        finally:
            if reply.done:
                reply.done()
        if reply.fate.hangs or reply.fate.kills_caller:
            await _hang(receive)
            reply = refusal(504, "The simulator was asked not to answer.")
        await _send(reply, send)

    async def _settle(self, scope: Message, reply: Reply) -> Reply:
        """Return the reply that may be sent, once everything it says is on disk."""
        fate = reply.fate
        try:
            if not self._journal.is_durable:
                await asyncio.to_thread(self._journal.sync, self._journal.end)
            if fate.kills_caller:
                client, port = _ends(scope)
                await asyncio.to_thread(callers.kill, client, port=port, pid=fate.pid)
        except JournalUnwritable:
            log.exception("simulator_journal_failed")
            return replace(_broken(), done=reply.done)
        except CallerUnknown as unknown:
            log.warning("simulator_caller_unknown", client=scope.get("client"))
            return replace(refusal(500, str(unknown)), done=reply.done)
        if fate.kills:
            os.kill(os.getpid(), signal.SIGKILL)
        if fate.hold_s:
            await asyncio.sleep(fate.hold_s)
        return reply

    def _answer(self, request: Request) -> Reply:
        try:
            return self._router.answer(request)
        except Exception:
            log.exception("simulator_request_failed", method=request.method, path=request.path)
            return _broken()


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    headers.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    drip_s = reply.fate.drip_s
    if reply.fate.cuts:
        # The server closes a connection whose body is shorter than it was announced.
        half = reply.body[: len(reply.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return
    if drip_s is not None:
        for position in range(len(reply.body)):
            byte = reply.body[position : position + 1]
            await send({"type": "http.response.body", "body": byte, "more_body": True})
            await asyncio.sleep(drip_s)
    rest = b"" if drip_s is not None else reply.body
    await send({"type": "http.response.body", "body": rest})


async def _hang(receive: Receive) -> None:
    """Wait until the client gives up, or long enough."""
    try:
        async with asyncio.timeout(HANG_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _read(scope: Message, receive: Receive) -> Request | Reply | None:
    """Return the whole request, a refusal, or None where the client went away."""
    headers: dict[str, str] = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    if size > HEADER_BYTES_MAX or len(scope["query_string"]) > HEADER_BYTES_MAX:
        return refusal(431, f"Send at most {HEADER_BYTES_MAX} bytes of headers.")
    try:
        async with asyncio.timeout(BODY_WAIT_S):
            body = await _read_body(receive)
    except TimeoutError:
        return refusal(408, f"Send the whole body within {BODY_WAIT_S} seconds.")
    if isinstance(body, Reply) or body is None:
        return body
    client, port = _ends(scope)
    return Request(
        scope["method"], scope["path"], scope["query_string"], headers, body, {}, client, port
    )


def _ends(scope: Message) -> tuple[callers.Address | None, int | None]:
    """Return where the client is, and the simulator's own port."""
    client, server = scope.get("client"), scope.get("server")
    return (
        (str(client[0]), int(client[1])) if client else None,
        int(server[1]) if server and server[1] else None,
    )


async def _read_body(receive: Receive) -> bytes | Reply | None:
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += bytes(message.get("body", b""))
        if len(body) > BODY_BYTES_MAX:
            return refusal(413, f"Send at most {BODY_BYTES_MAX} bytes.")
        if not message.get("more_body", False):
            return body


def json_reply(status: int, body: Mapping[str, Any], **headers: str) -> Reply:
    """Return a reply with a JSON body."""
    text = json.dumps(body, ensure_ascii=False, indent=2).encode()
    return Reply(status, text, {"Content-Type": "application/json", **headers})


def refusal(status: int, message: str) -> Reply:
    """Return an error in Stripe's form, for what no provider's own door answers."""
    return json_reply(status, {"error": {"type": "invalid_request_error", "message": message}})


def _broken() -> Reply:
    message = "The simulator failed. Its log says why."
    return json_reply(500, {"error": {"type": "api_error", "message": message}})
