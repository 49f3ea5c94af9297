"""The database goes away and comes back: everyone is answered in time, nothing needs a restart."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import stripe as sdk
from psycopg import conninfo


class Wire:
    """A way to the database that can be cut: it forwards bytes between two ports."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._open: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._flows = threading.Event()
        self._flows.set()
        self.port = 0
        self.mend()

    def mend(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        if self._listener is None:
            return
        # Shut down first: a thread that waits in accept would keep the port open.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        for end in self._open:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    def freeze(self) -> None:
        """Take bytes and connections as before, and pass nothing on: a server that hangs."""
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with source:
            try:
                while part := source.recv(65_536):
                    self._flows.wait()
                    sink.sendall(part)
                sink.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


@pytest.fixture
def wire(shared_database: Any) -> Iterator[Wire]:
    parts = conninfo.conninfo_to_dict(shared_database.application_url)
    made = Wire(str(parts["host"]), int(str(parts["port"])))
    yield made
    made.thaw()
    made.cut()


@pytest.fixture
def server(shared_database: Any, wire: Wire, start_server: Callable[..., Any]) -> Any:
    parts = conninfo.conninfo_to_dict(shared_database.application_url)
    login = f"{parts['user']}:{parts['password']}" if parts.get("password") else parts["user"]
    url = f"postgresql://{login}@127.0.0.1:{wire.port}/{parts['dbname']}"
    return start_server(database_url=url)


def _timed(server: Any, path: str, method: str = "GET") -> tuple[httpx.Response, float]:
    with server.client() as client:
        return _timed_by(client, path, method)


def _timed_by(client: httpx.Client, path: str, method: str = "GET") -> tuple[httpx.Response, float]:
    mark = time.monotonic()
    reply = client.request(method, path)
    return reply, time.monotonic() - mark


def _deliver(client: httpx.Client) -> httpx.Response:
    """Deliver a webhook with the right signature."""
    raw = b'{"id": "evt_1", "type": "x", "created": 1, "data": {"object": {}}}'
    signature = sdk.WebhookSignature.generate_signature_header(raw.decode(), "whsec_of_these_tests")
    headers = {"Stripe-Signature": signature}
    return client.post("/api/webhooks/stripe", content=raw, headers=headers)


class TestDatabaseAway:
    def test_answers_everyone_in_time_and_heals(self, server: Any, wire: Wire) -> None:
        assert _timed(server, "/api/test/echo")[0].status_code == 200
        wire.cut()
        paths = ["/api/test/echo"] * 40 + ["/test/echo"] * 10
        with server.client() as client, ThreadPoolExecutor(50) as pool:
            found = list(pool.map(lambda path: _timed_by(client, path), paths))
        assert {reply.status_code for reply, _ in found} == {503}
        assert all(reply.headers["retry-after"] for reply, _ in found)
        assert max(took for _, took in found) < 2.5
        problem = found[0][0].json()
        assert problem["code"] == "database_unavailable"
        assert "127.0.0.1" not in found[0][0].text

        ready, _ = _timed(server, "/api/health/ready")
        assert ready.status_code == 503
        assert ready.json()["code"] == "not_ready"
        assert _timed(server, "/api/health")[0].status_code == 200

        wire.mend()
        deadline = time.monotonic() + 5
        while _timed(server, "/api/test/echo")[0].status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        codes = [_timed(server, "/api/test/echo")[0].status_code for _ in range(10)]
        assert codes == [200] * 10

    def test_asks_the_provider_to_deliver_again(self, server: Any, wire: Wire) -> None:
        with server.client() as client:
            assert _deliver(client).status_code == 200
            wire.cut()
            mark = time.monotonic()
            reply = _deliver(client)
            took = time.monotonic() - mark
        assert reply.status_code == 503
        assert reply.headers["retry-after"]
        assert took < 2.5


class TestDatabaseHangs:
    def test_answers_everyone_in_time_and_heals(self, server: Any, wire: Wire) -> None:
        paths = ["/api/test/asks", "/test/asks"] * 10
        with server.client() as client, ThreadPoolExecutor(20) as pool:
            warm = list(pool.map(lambda path: _timed_by(client, path), paths))
            assert {reply.status_code for reply, _ in warm} == {200}
            wire.freeze()
            for _ in range(3):
                found = list(pool.map(lambda path: _timed_by(client, path), paths))
                assert {reply.status_code for reply, _ in found} == {503}
                assert max(took for _, took in found) < 2.5
        assert _timed(server, "/api/health")[0].status_code == 200
        assert found[0][0].json()["code"] == "database_unavailable"

        wire.thaw()
        deadline = time.monotonic() + 6
        while _timed(server, "/api/test/echo")[0].status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with server.client() as client, ThreadPoolExecutor(20) as pool:
            healed = list(pool.map(lambda path: _timed_by(client, path), paths))
        assert {reply.status_code for reply, _ in healed} == {200}

    def test_asks_the_provider_to_deliver_again(self, server: Any, wire: Wire) -> None:
        with server.client() as client:
            assert _deliver(client).status_code == 200
            wire.freeze()
            mark = time.monotonic()
            reply = _deliver(client)
            took = time.monotonic() - mark
            wire.thaw()
            assert (reply.status_code, reply.json()["code"]) == (503, "database_unavailable")
            assert took < 2.5
            deadline = time.monotonic() + 6
            while _deliver(client).status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)


class TestThreadHangs:
    @pytest.mark.full
    def test_is_counted_and_keeps_nobody_waiting(self, start_server: Callable[..., Any]) -> None:
        server = start_server(server_threads=2)
        with server.client() as client, ThreadPoolExecutor(3) as pool:
            hung = list(pool.map(lambda path: _timed_by(client, path), ["/test/hang"] * 2))
            assert {reply.status_code for reply, _ in hung} == {503}
            assert max(took for _, took in hung) < 13
            reply, took = _timed_by(client, "/api/test/echo")
            assert (reply.status_code, reply.json()["code"]) == (503, "overloaded")
            assert took < 0.5
            assert '"hung": 2' in server.lines()
            deadline = time.monotonic() + 10
            while _timed_by(client, "/api/test/echo")[0].status_code != 200:
                assert time.monotonic() < deadline
                time.sleep(0.1)
