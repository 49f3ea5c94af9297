"""The bridge: Django's answer whole, an end to every request, and no thread that waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tallystick.web.bridge import Bridge
from tallystick.web.edge import Exchange, Reply
from tallystick.web.problems import Overloaded

Application = Callable[..., Iterable[bytes]]


class Pulse:
    """Waits for two seconds, whatever the database does."""

    async def bound(self, work: asyncio.Future[Any]) -> Any:
        done, _ = await asyncio.wait({work}, timeout=2)
        if not done:
            raise TimeoutError
        return work.result()


class Parts:
    """A body in parts, one of which may be an error, that wants to be closed."""

    def __init__(self, *parts: bytes | Exception) -> None:
        self.parts = parts
        self.closed = 0
        self._rest = iter(parts)

    def __iter__(self) -> Parts:
        """Give the parts once."""
        return self

    def __next__(self) -> bytes:
        """Return the next part, or raise it where it is an error."""
        part = next(self._rest)
        if isinstance(part, Exception):
            raise part
        return part

    def close(self) -> None:
        self.closed += 1


def exchange() -> Exchange:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(b"content-length", b"999"), (b"x-given", b"yes")],
        "http_version": "1.1",
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "scheme": "http",
    }
    return Exchange.of(scope, scheme="http", trusted_proxies=0)


def ask(application: Application, *, body: bytes = b"", given: Exchange | None = None) -> Reply:
    async def go() -> Reply:
        bridge = Bridge(application, threads=2, pulse=Pulse())
        try:
            return await bridge(given or exchange(), body)
        finally:
            bridge.close()

    return asyncio.run(go())


class TestAnswer:
    def test_is_whole_with_its_status_headers_and_body(self) -> None:
        def application(environ, start):
            said = environ["wsgi.input"].read() + environ["HTTP_X_GIVEN"].encode()
            start("201 Created", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-A", " \xe9 ")])
            return [said, environ["CONTENT_LENGTH"].encode()]

        reply = ask(application, body=b"body")
        assert (reply.status, reply.body) == (201, b"bodyyes4")
        cookies = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        assert reply.headers == [*cookies, (b"x-a", b"\xe9")]

    @pytest.mark.parametrize("parts", [Parts(b"a", b"b"), Parts(b"a", ValueError("no"))])
    def test_closes_its_body_once(self, parts: Parts) -> None:
        def application(_environ, start):
            start("200 OK", [])
            return parts

        try:
            assert ask(application).body == b"ab"
        except ValueError:
            assert len(parts.parts) == 2
        assert parts.closed == 1

    def test_without_a_status_is_an_error(self) -> None:
        with pytest.raises(RuntimeError, match="without a reply"):
            ask(lambda _environ, _start: [])

    def test_too_large_is_an_error(self) -> None:
        def application(_environ, start):
            start("200 OK", [])
            return (b"x" * 1_000_000 for _ in range(20))

        with pytest.raises(RuntimeError, match="larger"):
            ask(application)


class TestEnd:
    @pytest.mark.parametrize(
        ("trouble", "seen"),
        [
            (ValueError("no"), ValueError),
            (StopIteration(), RuntimeError),
            (SystemExit(1), RuntimeError),
            (KeyboardInterrupt(), RuntimeError),
        ],
    )
    def test_of_any_kind_is_an_answer_at_once(self, trouble, seen) -> None:
        def application(_environ, _start):
            raise trouble

        with pytest.raises(seen):
            ask(application)

    def test_is_nothing_where_nobody_waits_any_more(self) -> None:
        begun = []
        given = exchange()
        given.is_given_up = True
        with pytest.raises((AssertionError, Overloaded)):
            ask(lambda *_: begun.append(1) or [], given=given)
        assert begun == []
