"""Simulators that tests begin, and the merchant's endpoint that hears them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.acceptance.simulator.process import Listener, Running


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Give what starts simulators, and end all that still run."""
    begun: list[Running] = []

    def begin(webhook_url: str = Running.webhook_url) -> Running:
        begun.append(Running(tmp_path / f"simulator-{len(begun)}", webhook_url))
        return begun[-1].start()

    yield begin
    ended = [one.end() for one in begun if one.process and one.process.poll() is None]
    assert set(ended) <= {0}


@pytest.fixture
def running(begin: Callable[..., Running]) -> Running:
    return begin()


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener("")

    class Endpoint(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.callers.add(self.client_address)
            heard.got.append((body, {name.lower(): text for name, text in self.headers.items()}))
            self.send_response(heard.answers.pop(0) if heard.answers else 200)
            self.send_header("Content-Length", "0")
            self.send_header("Location", heard.url)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/api/webhooks/stripe?from=simulator"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def heard(begin: Callable[..., Running], listener: Listener) -> Running:
    """Give a simulator that the listener hears."""
    return begin(webhook_url=listener.url)
