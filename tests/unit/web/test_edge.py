"""What the edge believes and refuses, before any body is read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tallystick.web.edge import ClientGone, Exchange, Message, admit, read_body
from tallystick.web.problems import (
    BodyTooLarge,
    BodyTooSlow,
    HeadersTooLarge,
    MethodNotAllowed,
    RequestMalformed,
)

Headers = list[tuple[bytes, bytes]]


def _exchange(
    headers: Headers | None = None,
    *,
    method: str = "POST",
    path: str = "/api/x",
    query: bytes = b"",
    proxies: int = 0,
) -> Exchange:
    scope: dict[str, Any] = {
        "method": method,
        "path": path,
        "query_string": query,
        "headers": headers or [],
        "client": ("10.0.0.1", 5000),
    }
    return Exchange.of(scope, scheme="https", trusted_proxies=proxies)


class TestExchange:
    def test_drops_what_others_say_of_themselves(self) -> None:
        names = (b"X-Forwarded-For", b"x_real_ip", b"X-Real-IP", b"Forwarded", b"Proxy", b"Via")
        exchange = _exchange([(name, b"6.6.6.6") for name in names])
        assert exchange.headers == [(b"via", b"6.6.6.6")]

    @pytest.mark.parametrize(
        ("proxies", "forwarded", "client"),
        [
            (0, b"1.1.1.1", "10.0.0.1"),
            (1, b"1.1.1.1", "1.1.1.1"),
            (1, b"6.6.6.6, 1.1.1.1", "1.1.1.1"),
            (2, b"6.6.6.6, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
            (2, b"1.1.1.1", "10.0.0.1"),
            (1, b"", "10.0.0.1"),
            (1, b"unknown", "10.0.0.1"),
            (1, b"2001:DB8::1", "2001:db8::1"),
        ],
    )
    def test_believes_so_many_proxies(self, proxies: int, forwarded: bytes, client: str) -> None:
        exchange = _exchange([(b"x-forwarded-for", forwarded)], proxies=proxies)
        assert exchange.client[0] == client

    def test_counts_proxies_across_repeated_fields(self) -> None:
        fields = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.1.1.1")]
        assert _exchange(fields, proxies=1).client[0] == "1.1.1.1"


class TestAdmit:
    def test_takes_an_ordinary_request(self) -> None:
        admit(_exchange([(b"host", b"x"), (b"cookie", b"a=b")], query=b"a=%20b"))

    @pytest.mark.parametrize("method", ["TRACE", "CONNECT", "get", "PROPFIND", ""])
    def test_refuses_other_methods_and_names_its_own(self, method: str) -> None:
        with pytest.raises(MethodNotAllowed) as refusal:
            admit(_exchange(method=method))
        assert "POST" in refusal.value.headers["Allow"]

    @pytest.mark.parametrize("headers", [[(b"a", b"b")] * 81, [(b"a", b"b" * 40_000)]])
    def test_refuses_too_many_or_too_long_headers(self, headers: Headers) -> None:
        with pytest.raises(HeadersTooLarge):
            admit(_exchange(headers))

    @pytest.mark.parametrize(
        "name", [b"Host", b"Authorization", b"Content-Type", b"content-length"]
    )
    def test_refuses_twice_what_decides(self, name: bytes) -> None:
        with pytest.raises(RequestMalformed):
            admit(_exchange([(name, b"1"), (name.lower(), b"1")]))

    @pytest.mark.parametrize(
        ("path", "query"),
        [
            ("/a\x00b", b""),
            ("/a\nb", b""),
            ("/a", b"x=%00"),
            ("/a", b"x=\xff"),
            ("/a", b"x" * 9_000),
        ],
    )
    def test_refuses_an_address_that_is_none(self, path: str, query: bytes) -> None:
        with pytest.raises(RequestMalformed):
            admit(_exchange(path=path, query=query))


def _read(exchange: Exchange, *messages: Message, waits: bool = False) -> bytes:
    coming = list(messages)

    async def receive() -> Message:
        if not coming and waits:
            await asyncio.sleep(60)
        return coming.pop(0)

    return asyncio.run(read_body(receive, exchange, bytes_max=10, timeout_s=0.05))


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


CHUNKED = [(b"transfer-encoding", b"chunked")]
GONE: Message = {"type": "http.disconnect"}


class TestReadBody:
    def test_joins_the_parts(self) -> None:
        exchange = _exchange([(b"content-length", b"4")])
        assert _read(exchange, _part(b"ab", more=True), _part(b"cd")) == b"abcd"

    def test_reads_nothing_where_nothing_is_announced(self) -> None:
        assert _read(_exchange()) == b""

    def test_refuses_what_is_announced_too_large_unread(self) -> None:
        with pytest.raises(BodyTooLarge):
            _read(_exchange([(b"content-length", b"11")]))
        with pytest.raises(BodyTooLarge):
            _read(_exchange([(b"content-length", b"9" * 5_000)]))

    def test_refuses_what_grows_too_large(self) -> None:
        with pytest.raises(BodyTooLarge):
            _read(_exchange(CHUNKED), _part(b"x" * 6, more=True), _part(b"x" * 5, more=True))

    def test_refuses_what_does_not_arrive(self) -> None:
        with pytest.raises(BodyTooSlow):
            _read(_exchange(CHUNKED), _part(b"x", more=True), waits=True)

    @pytest.mark.parametrize("headers", [CHUNKED, [(b"content-length", b"4")]])
    def test_takes_a_cut_body_for_none(self, headers: Headers) -> None:
        with pytest.raises(ClientGone):
            _read(_exchange(headers), _part(b"ab", more=True), GONE)

    def test_takes_a_shorter_body_for_a_cut_one(self) -> None:
        with pytest.raises(ClientGone):
            _read(_exchange([(b"content-length", b"4")]), _part(b"ab"))

    @pytest.mark.parametrize(
        "headers", [[*CHUNKED, (b"content-length", b"4")], [(b"content-length", b"-4")]]
    )
    def test_refuses_a_length_that_is_not_clear(self, headers: Headers) -> None:
        with pytest.raises(RequestMalformed):
            _read(_exchange(headers))
