"""How fast webhooks are answered, once they are durable, and how fast they are booked.

A real server and a real worker on a durable database; one process delivers 10,000 signed events
of as many payments. Afterwards each payment is settled once and the books are verified, or there
is no figure.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID

import psycopg
from benchmarks._database import cpu_s, durable, settings
from benchmarks._delivery import Delivered, deliver, requests
from benchmarks._programs import (
    children,
    cpu_threads_s,
    free_port,
    program,
    wait_until_ready,
)

from tallystick import db, ids, ledger, wallets, webhooks
from tallystick.embedded import Addresses
from tallystick.money import Currency

KES: Final = Currency("KES")
EVENTS: Final = 10_000
WALLETS: Final = 1_000
MINOR: Final = 150_000
#: One a core of a small server.
SERVER_PROCESSES: Final = 2
SECRET: Final = "whsec_of_the_benchmark"  # noqa: S105 - of a server that lives for seconds
#: About what Stripe sends of a Checkout session.
BODY_BYTES: Final = 2_800
READY_WITHIN_S: Final = 30.0
BOOKED_WITHIN_S: Final = 300.0

_PAYMENT: Final = """
COPY tallystick.payment (
    id, owner, wallet_id, amount, currency, provider, state, caller, key, fingerprint,
    request_id, reference, expires_at, created_at, updated_at
) FROM STDIN
"""
_DONE: Final = "SELECT count(*) FROM tallystick.webhook_event WHERE state = 'processed'"
_SETTLED: Final = """
SELECT
    (SELECT count(*) FROM tallystick.payment WHERE state = 'settled'),
    (SELECT count(*) FROM tallystick.transfer),
    (SELECT sum(balance)::bigint FROM tallystick.account WHERE balance > 0)
"""
_KEEPERS: Final = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tallystick-keeper'"
_WARM: Final = {"id": "evt_warm", "type": "customer.created", "created": 1, "data": {"object": {}}}


def run() -> dict[str, object]:
    """Return seconds to the last answer and to the last booking, and what they cost."""
    with (
        TemporaryDirectory(prefix="tallystick-bench-", dir="/var/tmp") as folder,
        durable() as addresses,
        db.connect(addresses.application_url, application_name="tallystick-bench") as conn,
    ):
        bodies = [_body(payment) for payment in _payments(conn)]
        port = free_port()
        environment = _environment(addresses, port)
        figures: dict[str, object] = {"postgresql": settings(conn)}
        with program(Path(folder), environment, "serve") as server:
            wait_until_ready(server, f"http://127.0.0.1:{port}/api/health/ready")
            figures |= _answered(conn, server, port, bodies)
            with program(Path(folder), environment, "worker", "--group", "webhooks"):
                figures |= _booked(conn)
        return figures | _verified(conn)


def _payments(conn: psycopg.Connection) -> list[UUID]:
    """Open wallets, and make as many submitted payments into them as there are events."""
    with conn.transaction():
        now = db.now(conn)
        opened = [
            wallets.open_wallet(conn, owner=f"bench:{number}", currency=KES, now=now)
            for number in range(WALLETS)
        ]
        payments = [ids.new() for _ in range(EVENTS)]
        with conn.cursor().copy(_PAYMENT) as copy:
            for number, payment in enumerate(payments):
                wallet = opened[number % WALLETS]
                who = (payment, wallet.owner, wallet.id)
                asked = (MINOR, "KES", "stripe", "submitted", wallet.owner, str(payment))
                times = (now, now, now)
                copy.write_row((*who, *asked, bytes(32), "bench", f"cs_{payment}", *times))
    conn.execute("ANALYZE tallystick.payment")
    conn.commit()
    return payments


def _body(payment: UUID) -> bytes:
    session: dict[str, object] = {
        "id": f"cs_{payment}",
        "object": "checkout.session",
        "payment_status": "paid",
        "status": "complete",
        "amount_total": MINOR,
        "currency": "kes",
        "metadata": {"tallystick_payment": ids.show("pay", payment)},
    }
    event = {
        "id": f"evt_{payment.hex}",
        "object": "event",
        "type": "checkout.session.completed",
        "created": int(datetime.now(UTC).timestamp()),
        "livemode": False,
        "data": {"object": session},
    }
    session["success_url"] = "https://example.org/" + "x" * (BODY_BYTES - len(json.dumps(event)))
    return json.dumps(event).encode()


def _answered(
    conn: psycopg.Connection, server: subprocess.Popen[bytes], port: int, bodies: Sequence[bytes]
) -> dict[str, object]:
    """Deliver the events and return how long that took; raise unless each was kept."""
    host = f"127.0.0.1:{port}"
    _warm(conn, port, host)
    sent = requests(bodies, host=host, secret=SECRET)
    serving = children(server.pid)
    backends = _keepers(conn)
    before = sum(map(cpu_s, backends)), sum(map(cpu_threads_s, serving)), time.process_time()
    delivered = deliver(port, sent)
    client_s = time.process_time() - before[2]
    serving_s = sum(map(cpu_threads_s, serving)) - before[1]
    backend_s = sum(map(cpu_s, backends)) - before[0]
    if delivered.statuses != {200: EVENTS}:
        raise RuntimeError(f"Not all were answered 200: {delivered.statuses}")
    kept = webhooks.count_by_state(conn).get("received", 0)
    conn.rollback()
    if kept != EVENTS:
        raise RuntimeError(f"{kept} events are kept.")
    return {
        "events": EVENTS,
        "server_processes": len(backends),
        "answered_s": round(delivered.seconds, 2),
        "answered_per_s": round(EVENTS / delivered.seconds),
        **_percentiles(delivered),
        "server_cpu_us": round(serving_s * 1e6 / EVENTS),
        "database_cpu_us": round(backend_s * 1e6 / EVENTS),
        "client_cpu_us": round(client_s * 1e6 / EVENTS),
    }


def _warm(conn: psycopg.Connection, port: int, host: str) -> None:
    """Let each server process load what it needs and connect: the same event, many times."""
    raw = json.dumps(_WARM).encode()
    deadline = time.monotonic() + READY_WITHIN_S
    while len(_keepers(conn)) < SERVER_PROCESSES:
        if time.monotonic() > deadline:
            raise RuntimeError("Not all server processes keep webhooks.")
        deliver(port, requests([raw] * 500, host=host, secret=SECRET))


def _keepers(conn: psycopg.Connection) -> list[int]:
    """Return the database's processes that serve the Keepers."""
    found = [pid for (pid,) in conn.execute(_KEEPERS).fetchall()]
    conn.rollback()
    return found


def _percentiles(delivered: Delivered) -> dict[str, object]:
    cuts = statistics.quantiles(delivered.took_s, n=100)
    return {
        "answer_p50_ms": round(cuts[49] * 1000, 1),
        "answer_p99_ms": round(cuts[98] * 1000, 1),
        "answer_max_ms": round(max(delivered.took_s) * 1000, 1),
    }


def _booked(conn: psycopg.Connection) -> dict[str, object]:
    """Return the seconds from the worker's start to the last event's end, its loading included."""
    began = time.perf_counter()
    first_s = 0.0
    while (done := _count(conn, _DONE)) < EVENTS:
        took = time.perf_counter() - began
        if done and not first_s:
            first_s = took
        if took > BOOKED_WITHIN_S:
            raise RuntimeError(f"Only {done} events were processed in {took:.0f} s.")
        time.sleep(0.05)
    took = time.perf_counter() - began
    return {
        "processed_s": round(took, 2),
        "processed_after_worker_loaded_s": round(took - first_s, 2),
        "processed_per_s": round(EVENTS / (took - first_s)),
    }


def _verified(conn: psycopg.Connection) -> dict[str, object]:
    """Raise unless each payment was settled once and the books are right."""
    [(settled, transfers, total)] = conn.execute(_SETTLED).fetchall()
    conn.rollback()
    if (settled, transfers, total) != (EVENTS, EVENTS, EVENTS * MINOR):
        raise RuntimeError(f"{settled} settled by {transfers} transfers, {total} in wallets.")
    with db.snapshot(conn):
        breaches = ledger.verify(conn)
    if breaches:
        raise RuntimeError(f"The books are wrong: {breaches[:3]}")
    return {"settled": settled, "breaches": 0}


def _environment(addresses: Addresses, port: int) -> Mapping[str, str]:
    kept = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
    return {
        **kept,
        "TALLYSTICK_DATABASE_URL": addresses.application_url,
        "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
        "TALLYSTICK_PORT": str(port),
        "TALLYSTICK_SERVER_WORKERS": str(SERVER_PROCESSES),
        "TALLYSTICK_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TALLYSTICK_STRIPE_SECRET_KEY": "sk_test_of_the_benchmark",
        "TALLYSTICK_STRIPE_WEBHOOK_SECRET": SECRET,
        "TALLYSTICK_STRIPE_API_URL": "http://127.0.0.1:9",
        "TALLYSTICK_LOG_FORMAT": "json",
    }


def _count(conn: psycopg.Connection, statement: str) -> int:
    [(count,)] = conn.execute(statement).fetchall()
    conn.rollback()
    return int(count)
