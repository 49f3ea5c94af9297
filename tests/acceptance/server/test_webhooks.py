"""Webhooks at a real server: what is kept, what is refused, and what is promised by a 2xx."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tallystick.testing import TcpProxy

SECRET = "whsec_of_these_tests"
KEPT = "SELECT count(*) FROM tallystick.webhook_event"


def body(external_id: str = "evt_1", **change: object) -> bytes:
    plain = {"id": external_id, "type": "customer.created", "created": 1_790_000_000}
    return json.dumps({**plain, "data": {"object": {}}, **change}).encode()


def signed(raw: bytes, *, age_s: int = 0, secret: str = SECRET) -> str:
    stamp = int(time.time()) - age_s
    mark = hmac.new(secret.encode(), b"%d." % stamp + raw, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={mark}"


def deliver(
    client: httpx.Client, raw: bytes, signature: str | bytes | None = None
) -> httpx.Response:
    header = signed(raw) if signature is None else signature
    sent = header.encode("latin-1") if isinstance(header, str) else header
    return client.post("/api/webhooks/stripe", content=raw, headers={"Stripe-Signature": sent})


@pytest.fixture
def client(shared_server: Any) -> Iterator[httpx.Client]:
    with shared_server.client() as made:
        yield made


class TestRefused:
    @pytest.mark.parametrize(
        ("raw", "signature"),
        [
            (body(), ""),
            (body(), "t=1,v1=00"),
            (body(), "garbage"),
            (body(), "t=,v1="),
            (body(), f"t={10**30},v1=" + "0" * 64),
            (body(), "t=١٢٣,v1=".encode()),
            (body(), "t=1,v1=\xe9\xff"),
            (body(), b"\xff\xfe\x00"[:2]),
            (body(), "t=1," * 1_000),
            (body(), signed(body(), secret="whsec_other")),
            (body(), signed(body("evt_2"))),
            (body() + b" ", signed(body())),
        ],
        ids=[
            "none", "no-time", "garbage", "empty", "far-future", "other-digits", "latin", "binary",
            "thousand-times", "other-secret", "other-body", "one-byte-more",
        ],
    )  # fmt: skip
    def test_that_is_forged_is_400_and_leaves_nothing(
        self, client: httpx.Client, shared_database: Any, raw: bytes, signature: str | bytes
    ) -> None:
        before = shared_database.scalar(KEPT)
        reply = deliver(client, raw, signature)
        assert (reply.status_code, reply.json()["code"]) == (400, "webhook_signature_invalid")
        assert shared_database.scalar(KEPT) == before

    @pytest.mark.parametrize("age_s", [301, 86_400, -302, -365 * 86_400])
    def test_that_is_stale_or_of_the_future_is_400_and_leaves_nothing(
        self, client: httpx.Client, shared_database: Any, age_s: int
    ) -> None:
        before = shared_database.scalar(KEPT)
        reply = deliver(client, body(), signed(body(), age_s=age_s))
        assert (reply.status_code, reply.json()["code"]) == (400, "webhook_signature_invalid")
        assert shared_database.scalar(KEPT) == before

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"\xff\xfe",
            b'{"id": "evt_\xff"}',
            b"[" * 100_000,
            b"null",
            b"[]",
            b'{"id": "evt_1"}',
            body("evt_\0"),
            body("evt_ with spaces"),
            body("x" * 256),
            body("evt_\u00e9"),
            body(type="a\0b"),
            body(created=True),
            body(created=1e400),
            body(created=-1),
            body(created=10**15),
            body(created="1790000000"),
            body(data={"object": []}),
            body(id=7),
            b'{"id": "evt_1", "type": "\\ud800", "created": 1, "data": {"object": {}}}',
        ],
    )
    def test_that_is_signed_and_no_event_is_400_and_leaves_nothing(
        self, client: httpx.Client, shared_database: Any, raw: bytes
    ) -> None:
        before = shared_database.scalar(KEPT)
        reply = deliver(client, raw)
        assert reply.status_code == 400
        assert reply.json()["code"] == "webhook_malformed"
        assert shared_database.scalar(KEPT) == before

    def test_is_counted_by_why(self, shared_server: Any, client: httpx.Client) -> None:
        deliver(client, body(), "t=1,v1=00")
        told = httpx.get(f"http://127.0.0.1:{shared_server.metrics_port}/metrics", timeout=5).text
        assert 'tallystick_webhooks_refused_total{reason="webhook_signature_invalid"}' in told


class TestKept:
    @pytest.mark.parametrize("age_s", [0, 295, -295])
    def test_to_the_last_byte_within_the_tolerance(
        self, client: httpx.Client, shared_database: Any, age_s: int
    ) -> None:
        raw = body(f"evt_{age_s}", data={"object": {"nul": "\0", "n": 1e300, "é": "é"}})
        reply = deliver(client, raw, signed(raw, age_s=age_s))
        assert (reply.status_code, reply.json()) == (200, {"received": True})
        kept = "SELECT body FROM tallystick.webhook_event WHERE external_id = %s"
        assert bytes(shared_database.scalar(kept, f"evt_{age_s}")) == raw

    def test_once_of_a_hundred_copies_over_two_servers(
        self, start_server: Callable[..., Any], database: Any
    ) -> None:
        servers = [start_server(database_url=database.application_url) for _ in range(2)]
        events = [body(f"evt_{number}") for number in range(50)]

        def copies(number: int) -> Counter[int]:
            order = events if number % 4 < 2 else events[::-1]
            with servers[number % 2].client() as client:
                return Counter(deliver(client, raw).status_code for raw in order)

        with ThreadPoolExecutor(20) as threads:
            codes = sum(threads.map(copies, range(20)), Counter[int]())
        assert codes == {200: 1_000}
        assert database.scalar(KEPT) == 50

    def test_survives_the_server_s_death_once_it_is_answered(
        self, start_server: Callable[..., Any], database: Any
    ) -> None:
        """Deliver without a pause, kill the whole server, and count what was promised."""
        server = start_server(database_url=database.application_url)
        answered: list[str] = []

        def without_pause(line: int) -> None:
            with server.client() as client:
                for number in range(10_000):
                    name = f"evt_{line}_{number}"
                    try:
                        if deliver(client, body(name)).status_code != 200:
                            return
                    except httpx.HTTPError:
                        return
                    answered.append(name)

        lines = [threading.Thread(target=without_pause, args=(line,)) for line in range(8)]
        for line in lines:
            line.start()
        while len(answered) < 200:
            time.sleep(0.01)
        for pid in [*server.workers(), server.process.pid]:
            os.kill(pid, signal.SIGKILL)
        for line in lines:
            line.join(20)
        with psycopg.connect(database.application_url) as conn:
            kept = {
                name for (name,) in conn.execute("SELECT external_id FROM tallystick.webhook_event")
            }
        assert len(answered) >= 200
        assert set(answered) <= kept

    def test_that_waits_at_the_end_is_answered(
        self, start_server: Callable[..., Any], database: Any
    ) -> None:
        server = start_server(database_url=database.application_url)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("LOCK TABLE tallystick.webhook_event IN EXCLUSIVE MODE")
            with ThreadPoolExecutor(1) as threads, server.client() as client:
                asking = threads.submit(deliver, client, body("evt_last"))
                _wait_for_a_lock(database)
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.3)
                owner.rollback()
                assert asking.result(10).status_code == 200
        assert server.process.wait(10) == 0
        assert database.scalar(KEPT) == 1


class TestOutage:
    @pytest.mark.full
    def test_of_the_database_keeps_nothing_and_costs_no_memory(
        self, start_server: Callable[..., Any], database: Any
    ) -> None:
        """Five thousand deliveries while it is away: all 503, then all of them once."""
        with TcpProxy.to(database.application_url) as wire:
            server = start_server(database_url=wire.url(database.application_url))
            events = [
                body(f"evt_{number}", data={"object": {"x": "y" * 3_000}})
                for number in range(5_000)
            ]
            with server.client() as client:
                assert deliver(client, body("evt_before")).status_code == 200
            wire.refuse()
            wire.cut()
            before_kb = _memory_kb(server)
            replies = _burst(server, events)
            grown_kb = _memory_kb(server) - before_kb
            assert set(replies) <= {503}
            assert sum(replies.values()) == 5_000
            assert database.scalar(KEPT) == 1
            assert grown_kb < 30_000
            wire.heal()
            left = events
            deadline = time.monotonic() + 60
            while left:
                assert time.monotonic() < deadline
                left = _undelivered(server, left)
            assert database.scalar(KEPT) == 5_001

    def test_lets_nobody_wait(self, start_server: Callable[..., Any], database: Any) -> None:
        with TcpProxy.to(database.application_url) as wire:
            server = start_server(database_url=wire.url(database.application_url))
            with server.client() as client:
                assert deliver(client, body("evt_before")).status_code == 200
            wire.blackhole()
            mark = time.monotonic()
            replies = _burst(server, [body(f"evt_{number}") for number in range(100)])
            assert set(replies) == {503}
            assert time.monotonic() - mark < 20
            assert database.scalar(KEPT) == 1


def _burst(server: Any, events: list[bytes]) -> Counter[int]:
    def some(part: list[bytes]) -> Counter[int]:
        found: Counter[int] = Counter()
        with server.client() as client:
            for raw in part:
                reply = deliver(client, raw)
                assert reply.headers["retry-after"]
                found[reply.status_code] += 1
        return found

    parts = [events[start::20] for start in range(20)]
    with ThreadPoolExecutor(20) as threads:
        return sum(threads.map(some, parts), Counter[int]())


def _undelivered(server: Any, events: list[bytes]) -> list[bytes]:
    def some(part: list[bytes]) -> list[bytes]:
        with server.client() as client:
            return [raw for raw in part if deliver(client, raw).status_code != 200]

    with ThreadPoolExecutor(10) as threads:
        return [
            raw for left in threads.map(some, [events[at::10] for at in range(10)]) for raw in left
        ]


def _memory_kb(server: Any) -> int:
    return sum(
        int(line.split()[1])
        for worker in server.workers()
        for line in Path(f"/proc/{worker}/smaps_rollup").read_text().splitlines()
        if line.startswith("Private_Dirty:")
    )


def _wait_for_a_lock(database: Any) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name = 'tallystick-keeper' AND datname = current_database()"
    )
    deadline = time.monotonic() + 10
    while not database.scalar(waiting):
        assert time.monotonic() < deadline
        time.sleep(0.01)
