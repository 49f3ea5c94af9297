"""The edge: what is believed of a request, and its whole body, before anybody works on it.

Nothing here knows Django or a room. What is ambiguous is refused; what a client says about
itself, its scheme or its proxies is dropped unless the settings trust it.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tallystick import ids
from tallystick.web.problems import (
    PROBLEM_TYPE,
    PROTECTION,
    BodyTooLarge,
    BodyTooSlow,
    HeadersTooLarge,
    MethodNotAllowed,
    RequestMalformed,
    encode,
    is_api,
    plain_page,
    status_of,
)

__all__ = [
    "ClientGone",
    "Exchange",
    "Message",
    "Receive",
    "Reply",
    "Send",
    "admit",
    "read_body",
    "refusal",
]

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_Header = tuple[bytes, bytes]

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_HEADERS_MAX: Final = 80
_HEADER_BYTES_MAX: Final = 32_768
_URL_BYTES_MAX: Final = 8_192
#: Fields that only a trusted proxy may speak in, those of one hop, and one that programs misread.
_DROPPED: Final = frozenset(
    b"forwarded x-real-ip x-request-id proxy"
    b" connection keep-alive te trailer transfer-encoding upgrade expect".split()
)
_DROPPED_PREFIX: Final = b"x-forwarded-"
_FORWARDED_FOR: Final = b"x-forwarded-for"
#: Fields that decide who is asked, by whom, and where a body ends: never twice.
_SINGLE: Final = (b"host", b"authorization", b"content-length", b"content-type", b"idempotency-key")


class ClientGone(Exception):
    """The body ended before it was complete; nothing happens, and often nobody listens."""


@dataclass(slots=True)
class Exchange:
    """One request as the house believes it, and what is learnt of it on the way."""

    scope: Message
    method: str
    path: str
    scheme: str
    client: tuple[str, int]
    headers: list[_Header]
    request_id: str = field(default_factory=lambda: str(ids.new()))
    #: The signed-in person's id, set by Django's side for the request's line in the log.
    person: str | None = None
    #: The shown id of the key that called, set by the API's door for the same line.
    key_id: str | None = None
    #: Whether a thread took it up, and whether the caller was answered without its reply.
    is_begun: bool = False
    is_given_up: bool = False
    #: Who answers it: the lane, and every refusal on the way, until the bridge takes it.
    door: Literal["lane", "django"] = "lane"

    @classmethod
    def of(cls, scope: Message, *, scheme: str, trusted_proxies: int) -> Exchange:
        """Return the exchange of a scope: own id, believed client, headers without twins.

        The scheme is the public address's own: no header of anybody's decides it.
        """
        raw: list[_Header] = [(name.lower(), value) for name, value in scope["headers"]]
        return cls(
            scope=scope,
            method=scope["method"],
            path=scope["path"],
            scheme=scheme,
            client=_client(scope.get("client"), raw, trusted_proxies),
            headers=[pair for pair in raw if _is_kept(pair[0])],
        )

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of a header by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, in memory."""

    status: int
    headers: list[_Header]
    body: bytes

    @classmethod
    def of(cls, status: int, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Return a reply with the headers that protect every answer."""
        fields = {**PROTECTION, **headers, "content-length": str(len(body))}
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in fields.items()]
        return cls(status, pairs, body)


def admit(exchange: Exchange) -> None:
    """Refuse what the server does not take, before any body is read.

    Raises MethodNotAllowed, HeadersTooLarge and RequestMalformed.
    """
    if exchange.method not in _METHODS:
        raise MethodNotAllowed(
            "This server does not know the method.", headers={"Allow": ", ".join(_METHODS)}
        )
    fields: list[_Header] = exchange.scope["headers"]
    if len(fields) > _HEADERS_MAX or _size(fields) > _HEADER_BYTES_MAX:
        raise HeadersTooLarge(
            f"Send at most {_HEADERS_MAX} header fields of {_HEADER_BYTES_MAX} bytes in all."
        )
    names = [name for name, _ in exchange.headers]
    if any(names.count(name) > 1 for name in _SINGLE):
        raise RequestMalformed("A header field that must stand once stands twice.")
    query: bytes = exchange.scope["query_string"]
    if len(query) + len(exchange.path) > _URL_BYTES_MAX:
        raise RequestMalformed(f"The address is longer than {_URL_BYTES_MAX} bytes.")
    if not query.isascii() or b"%00" in query or not exchange.path.isprintable():
        raise RequestMalformed("The address holds signs that no address may hold.")


async def read_body(
    receive: Receive, exchange: Exchange, *, bytes_max: int, timeout_s: float
) -> bytes:
    """Return the whole body; what was announced too large is refused before it is read.

    Raises BodyTooLarge, BodyTooSlow past `timeout_s`, RequestMalformed, and ClientGone where
    the client leaves before the end: a cut body is never a shorter one.
    """
    announced = _announced(exchange)
    if announced == 0:
        return b""
    if announced is not None and announced > bytes_max:
        raise _too_large(bytes_max)
    try:
        async with asyncio.timeout(timeout_s):
            body = await _collect(receive, bytes_max)
    except TimeoutError:
        raise BodyTooSlow(
            f"The whole body must arrive within {timeout_s:g} s.", headers={"Connection": "close"}
        ) from None
    if announced is not None and len(body) != announced:
        raise ClientGone
    return body


def refusal(
    exchange: Exchange, code: str, *, detail: str = "", headers: Mapping[str, str] | None = None
) -> Reply:
    """Return the answer of a door without Django: a problem document, or the barest page."""
    status, title = status_of(code)
    retry = {"Retry-After": "1"} if status == 503 else {}  # noqa: PLR2004 - HTTP's own number
    extra = {**retry, **(headers or {})}
    if not is_api(exchange.path):
        page = plain_page(status, title, request_id=exchange.request_id)
        return Reply.of(status, page, {"Content-Type": "text/html; charset=utf-8", **extra})
    status, body = encode(
        code, instance=exchange.path, request_id=exchange.request_id, detail=detail
    )
    return Reply.of(status, body, {"Content-Type": PROBLEM_TYPE, **extra})


def _announced(exchange: Exchange) -> int | None:
    """Return the body's announced length, 0 for none, None for a chunked one."""
    length = exchange.header(b"content-length")
    is_chunked = any(name.lower() == b"transfer-encoding" for name, _ in exchange.scope["headers"])
    if length is None:
        return None if is_chunked else 0
    if is_chunked or not length.isdigit():
        raise RequestMalformed("The body's length is not clear.", headers={"Connection": "close"})
    return int(length[:20])


async def _collect(receive: Receive, bytes_max: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(bytes_max: int) -> BodyTooLarge:
    # What is left of the body is never read, so the connection cannot be used again.
    return BodyTooLarge(f"Send at most {bytes_max} bytes.", headers={"Connection": "close"})


def _is_kept(name: bytes) -> bool:
    # WSGI cannot tell X_Name from X-Name, so the underscore twin never gets there.
    return b"_" not in name and name not in _DROPPED and not name.startswith(_DROPPED_PREFIX)


def _size(fields: Iterable[_Header]) -> int:
    return sum(len(name) + len(value) + 4 for name, value in fields)


def _client(peer: Any, headers: Iterable[_Header], trusted_proxies: int) -> tuple[str, int]:
    """Return whose request it is: the peer, or what the outermost trusted proxy saw."""
    host, port = peer or ("0.0.0.0", 0)  # noqa: S104 - nobody's address; nothing listens there
    if trusted_proxies == 0:
        return str(host), int(port)
    values = b",".join(value for name, value in headers if name == _FORWARDED_FOR)
    entries = [entry.strip() for entry in values.decode("latin-1").split(",")]
    if len(entries) < trusted_proxies:
        return str(host), int(port)
    try:
        return str(ipaddress.ip_address(entries[-trusted_proxies])), 0
    except ValueError:
        return str(host), int(port)
