"""Bodies over real sockets: whole or not at all, within bounds, never in a thread's way."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

MANY = 50


def _head(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]).encode()


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def _read(connection: socket.socket) -> bytes:
    received = b""
    while part := connection.recv(65_536):
        received += part
    return received


def _problem(reply: bytes) -> dict[str, Any]:
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head, reply
    found: dict[str, Any] = json.loads(body)
    return found


@contextmanager
def _held(server: Any, opening: bytes, count: int = MANY) -> Iterator[list[socket.socket]]:
    """Hold many connections that have sent the opening and do nothing more."""
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(count)]
        for connection in connections:
            connection.sendall(opening)
        yield connections


def _slowest_of(server: Any, path: str, times: int = 10) -> float:
    with server.client() as client:
        took = []
        for _ in range(times):
            mark = time.monotonic()
            assert client.get(path).status_code == 200
            took.append(time.monotonic() - mark)
    return max(took)


class TestBody:
    @pytest.mark.parametrize("size", [0, 1, 70_000, 1_048_576])
    def test_reaches_django_whole(self, shared_server: Any, size: int) -> None:
        body = bytes(index % 251 for index in range(size))
        with shared_server.client() as client:
            found = client.post("/api/test/echo", content=body).json()
        assert found["size"] == size
        assert found["sha256"] == hashlib.sha256(body).hexdigest()

    def test_reaches_django_whole_in_chunks(self, shared_server: Any) -> None:
        with shared_server.client() as client:
            found = client.post("/api/test/echo", content=iter([b"one", b"two" * 9_000])).json()
        assert found["size"] == 27_003

    def test_cut_never_runs(self, shared_server: Any) -> None:
        head = _head("/api/test/note", "Content-Length: 100")
        with shared_server.connect() as connection:
            connection.sendall(head + b"cut by length")
        chunked = _head("/api/test/note", "Transfer-Encoding: chunked")
        with shared_server.connect() as connection:
            connection.sendall(chunked + _chunk(b"cut in chunks"))
        with shared_server.client() as client:
            assert client.post("/api/test/note", content=b"whole").status_code == 204
        time.sleep(0.3)
        assert shared_server.notes.read_bytes() == b"whole\n"

    @pytest.mark.parametrize(
        ("field", "sent"),
        [
            ("Transfer-Encoding: chunked", b"zz\r\nno chunk\r\n"),
            ("Transfer-Encoding: chunked", _chunk(b"cut in chunks")),
            ("Content-Length: 100", b"cut by length"),
        ],
    )
    def test_cut_or_broken_is_answered_with_a_problem(
        self, shared_server: Any, field: str, sent: bytes
    ) -> None:
        with shared_server.connect() as connection:
            connection.sendall(_head("/api/test/note", field) + sent)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(5)
            reply = _read(connection)
        assert reply.startswith(b"HTTP/1.1 400"), reply
        assert b"connection: close" in reply.lower()
        assert _problem(reply)["code"] == "request_malformed"

    def test_announced_too_large_is_refused_before_it_is_sent(self, shared_server: Any) -> None:
        with shared_server.connect() as connection:
            connection.sendall(_head("/api/test/echo", "Content-Length: 104857600"))
            connection.settimeout(2)
            reply = connection.recv(65_536)
        assert reply.startswith(b"HTTP/1.1 413")
        assert _problem(reply)["code"] == "body_too_large"

    def test_too_large_in_chunks_is_refused_at_the_limit(self, shared_server: Any) -> None:
        piece = _chunk(b"x" * 65_000)
        reply = shared_server.talk(
            _head("/api/test/echo", "Transfer-Encoding: chunked") + piece * 17
        )
        assert reply.startswith(b"HTTP/1.1 413")
        assert _problem(reply)["code"] == "body_too_large"

    def test_too_slow_is_refused(self, shared_server: Any) -> None:
        mark = time.monotonic()
        reply = shared_server.talk(_head("/api/test/note", "Content-Length: 5") + b"x")
        assert 1.5 < time.monotonic() - mark < 4
        assert reply.startswith(b"HTTP/1.1 408")
        assert _problem(reply)["code"] == "body_too_slow"

    def test_many_slow_ones_hold_no_thread(self, shared_server: Any) -> None:
        opening = _head("/api/test/echo", "Content-Length: 1000") + b"x" * 10
        with _held(shared_server, opening):
            time.sleep(0.3)
            assert _slowest_of(shared_server, "/api/test/echo") < 0.5


class TestReply:
    def test_many_slow_readers_hold_no_thread(self, shared_server: Any) -> None:
        opening = b"GET /test/large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        done = '"path": "/test/large", "status": 200'
        before = shared_server.lines().count(done)
        with _held(shared_server, opening):
            deadline = time.monotonic() + 15
            while shared_server.lines().count(done) < before + MANY:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert _slowest_of(shared_server, "/api/test/echo") < 0.5

    @pytest.mark.parametrize("path", ["/test/slow", "/test/pieces"])
    def test_that_nobody_waits_for_leaves_no_thread_behind(
        self, shared_server: Any, path: str
    ) -> None:
        with _held(shared_server, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(), 8):
            time.sleep(0.2)
        with shared_server.client() as client:
            assert client.get("/test/slow").status_code == 200
        assert _slowest_of(shared_server, "/api/test/echo") < 0.5

    def test_to_head_has_no_body(self, shared_server: Any) -> None:
        reply = shared_server.talk(
            b"HEAD /api/test/echo HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
        )
        assert reply.startswith(b"HTTP/1.1 200")
        assert reply.endswith(b"\r\n\r\n")


class TestTwoLengths:
    @pytest.mark.parametrize(
        "fields",
        [
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Content-Length: 5", "Content-Length: 6"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
            ("Content-Length : 5",),
            ("Content-Length: +5",),
            ("Content-Length: 0x5",),
            ("Transfer-Encoding: xchunked",),
        ],
    )
    def test_are_never_two_requests(self, shared_server: Any, fields: tuple[str, ...]) -> None:
        smuggled = _head("/api/test/note", "Content-Length: 8") + b"smuggled"
        before = shared_server.notes.read_bytes()
        reply = shared_server.talk(
            _head("/api/test/echo", *fields, "Connection: close") + b"0\r\n\r\n" + smuggled
        )
        assert reply.count(b"HTTP/1.1 ") <= 1
        assert shared_server.notes.read_bytes() == before
