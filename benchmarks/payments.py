"""What a payment costs beside its provider: 20 a second through door, worker, webhook and ledger.

Real server, workers, cache and simulator on a durable database. Between ours and the simulator
lies a wire that notes when a request leaves us and when its answer, or a webhook, reaches us;
commits are dated by PostgreSQL. Afterwards provider and books must agree, or there is no figure.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import local
from typing import Any, Final
from uuid import UUID

import psycopg
from benchmarks._cache import shared_cache
from benchmarks._database import cpu_s, durable, settings
from benchmarks._programs import (
    children,
    cpu_threads_s,
    free_port,
    program,
    wait_until_ready,
)
from benchmarks._wire import Wire

from tallystick import comparison, db, ids, keys, ledger, wallets
from tallystick.keys import Environment, Scope
from tallystick.money import Currency
from tallystick.simulator import read_journal

KES: Final = Currency("KES")
PER_S: Final = 20
SECONDS: Final = 30
#: Before what is measured: connections are opened, and code is loaded.
WARM_UP: Final = 20
MINOR: Final = 150_000
#: Seconds that a person takes on the provider's page, in two rounds. In the first all take as long,
#: so that who pays keeps step with who asks; in the second they take as long as they like, and what
#: comes at once waits for each other.
PERSON_S: Final = {"even": (0.5, 0.5), "spread": (0.3, 0.7)}
#: How often the balance is looked at from when the webhook was answered: the wallet's watchers
#: are not what is measured, and a page looks far less often.
LOOK_EVERY_S: Final = 0.05
ENDS_WITHIN_S: Final = 120.0
KEY: Final = "sk_test_of_the_benchmark"

_ALL: Final = len(PERSON_S) * PER_S * SECONDS + WARM_UP
_ID_LENGTH: Final = len(ids.show("pay", UUID(int=0)))
_COMMITS: Final = """
SELECT
    payment_step.payment_id,
    payment_step.state,
    extract(epoch FROM pg_xact_commit_timestamp(payment_step.xmin))::float8 AS committed_at
FROM tallystick.payment_step
"""


@dataclass(frozen=True)
class Walk:
    """One payment as its caller saw it, in Unix seconds."""

    payment: str
    asked_at: float
    answered_at: float
    #: When the wallet's balance was seen with the money in it.
    visible_at: float


def run() -> dict[str, object]:
    """Return what a payment took in our processes, and how soon its money was seen."""
    with (
        TemporaryDirectory(prefix="tallystick-bench-", dir="/var/tmp") as folder,
        durable(track_commit_timestamp="on") as addresses,
        db.connect(addresses.application_url, application_name="tallystick-bench") as conn,
        _house(Path(folder), addresses.application_url) as house,
    ):
        key, opened = _prepared(conn)
        caller = _Caller(house, key)
        _walks(caller, [opened.pop() for _ in range(WARM_UP)])
        figures: dict[str, object] = {"payments_per_s": PER_S}
        for pace, person_s in PERSON_S.items():
            caller.person_s = person_s
            before = _cpu(conn, house)
            walks = _walks(caller, [opened.pop() for _ in range(PER_S * SECONDS)])
            spent = {name: now - before[name] for name, now in _cpu(conn, house).items()}
            found = _figures(conn, caller, walks, Path(folder))
            found |= {f"{name}_cpu_ms": s * 1000 / len(walks) for name, s in spent.items()}
            figures |= {f"{pace}_{name}": round(value, 1) for name, value in found.items()}
        return {"postgresql": settings(conn), **figures, **_verified(conn, Path(folder))}


@dataclass(frozen=True)
class _House:
    port: int
    simulator_port: int
    #: From our workers to the simulator, and from the simulator to our server.
    wire: Wire
    hooks: Wire
    #: The server's and the workers' parents.
    serve_pid: int
    worker_pid: int
    simulator_pid: int


@contextmanager
def _house(folder: Path, url: str) -> Iterator[_House]:
    port, simulator_port = free_port(), free_port()
    with ExitStack() as stack:
        cache = stack.enter_context(shared_cache())
        wire = stack.enter_context(Wire(simulator_port, name=_payment))
        hooks = stack.enter_context(Wire(port, name=_news))
        kept = {name: text for name, text in os.environ.items() if "TALLYSTICK" not in name}
        environment = {
            **kept,
            "TALLYSTICK_DATABASE_URL": url,
            "TALLYSTICK_REDIS_URL": cache,
            "TALLYSTICK_PORT": str(port),
            "TALLYSTICK_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "TALLYSTICK_METRICS_PORT": str(free_port()),
            "TALLYSTICK_STRIPE_SECRET_KEY": KEY,
            "TALLYSTICK_STRIPE_WEBHOOK_SECRET": "whsec_of_the_benchmark",
            "TALLYSTICK_STRIPE_API_URL": f"http://127.0.0.1:{wire.port}",
            "TALLYSTICK_SIMULATOR_PORT": str(simulator_port),
            "TALLYSTICK_SIMULATOR_DATA": str(folder / "simulator"),
            "TALLYSTICK_SIMULATOR_WEBHOOK_URL": f"http://127.0.0.1:{hooks.port}/api/webhooks/stripe",
            "TALLYSTICK_LOG_FORMAT": "json",
        }
        simulator, serve, worker = (
            stack.enter_context(program(folder, environment, name))
            for name in ("simulator", "serve", "worker")
        )
        wait_until_ready(simulator, f"http://127.0.0.1:{simulator_port}/_simulator/health")
        wait_until_ready(serve, f"http://127.0.0.1:{port}/api/health/ready")
        yield _House(port, simulator_port, wire, hooks, serve.pid, worker.pid, simulator.pid)


def _cpu(conn: psycopg.Connection, house: _House) -> dict[str, float]:
    """Return the processor time that all have had: ours, the backends, and who plays the world."""
    backends = conn.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'tallystick%'"
        " AND pid <> pg_backend_pid()"
    ).fetchall()
    conn.rollback()
    return {
        "server": sum(map(cpu_threads_s, children(house.serve_pid))),
        "workers": sum(map(cpu_threads_s, children(house.worker_pid))),
        "database": sum(cpu_s(pid) for (pid,) in backends),
        "simulator": cpu_threads_s(house.simulator_pid),
        "client": time.process_time(),
    }


def _prepared(conn: psycopg.Connection) -> tuple[str, list[wallets.Wallet]]:
    """Return the text of an API key for everybody, and a wallet for each payment."""
    with conn.transaction():
        now = db.now(conn)
        issued = keys.issue(
            conn,
            name="benchmark",
            scopes=(Scope.PAYMENTS_WRITE, Scope.PAYMENTS_READ, Scope.WALLETS_READ),
            owner=None,
            environment=Environment.TEST,
            randomness=os.urandom(keys.RANDOM_BYTES),
            expires_at=None,
            now=now,
        )
        opened = [
            wallets.open_wallet(conn, owner=f"bench:{number}", currency=KES, now=now)
            for number in range(_ALL)
        ]
    return issued.text, opened


class _Caller:
    """Who asks for payments, pays them, and looks at the wallet; for all threads."""

    def __init__(self, house: _House, key: str) -> None:
        self.wire, self.hooks = house.wire, house.hooks
        self._house = house
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._kept = local()
        self.person_s = next(iter(PERSON_S.values()))
        self._people = Random(0)  # noqa: S311 - spreads load, guards nothing

    def walk(self, wallet: wallets.Wallet) -> Walk:
        """Take one payment from the request to the money in the wallet."""
        shown = ids.show("wal", wallet.id)
        body = {"wallet": shown, "amount": MINOR, "currency": "KES", "owner": wallet.owner}
        asked_at = time.time()
        payment = self._ours("POST", "/api/payments", {**body})["id"]
        answered_at = time.time()
        answer = self.wire.passed[payment].result(ENDS_WITHIN_S).answer
        session = json.loads(answer.partition(b"\r\n\r\n")[2])["id"]
        time.sleep(self._people.uniform(*self.person_s))
        self._call(
            self._house.simulator_port,
            "POST",
            "/_simulator/pay",
            {"session": session, "card": "4242424242424242"},
            {"Content-Type": "application/json"},
        )
        self.hooks.passed[payment].result(ENDS_WITHIN_S)
        path = f"/api/wallets?owner={wallet.owner}"
        time.sleep(LOOK_EVERY_S)
        while self._ours("GET", path)["items"][0]["available"]["amount"] != MINOR:
            time.sleep(LOOK_EVERY_S)
        return Walk(payment, asked_at, answered_at, time.time())

    def _ours(self, method: str, path: str, body: object = None) -> Any:
        headers = {**self._headers, "Idempotency-Key": os.urandom(8).hex()}
        return self._call(self._house.port, method, path, body, headers)

    def _call(
        self, port: int, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> Any:
        lines = self._kept.__dict__.setdefault("lines", {})
        sent = None if body is None else json.dumps(body)
        for is_last in (False, True):
            line = lines.get(port) or lines.setdefault(port, HTTPConnection("127.0.0.1", port))
            try:
                line.request(method, path, sent, dict(headers))
                answer = line.getresponse()
                text = answer.read()
                break
            except (ConnectionError, HTTPException):
                # A server lets go of a line that was idle; the same key makes it safe to ask.
                lines.pop(port).close()
                if is_last:
                    raise
        if answer.status not in {200, 201}:
            raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


def _walks(caller: _Caller, opened: Sequence[wallets.Wallet]) -> list[Walk]:
    """Begin a payment each twentieth of a second, whatever became of those before it."""
    began = time.perf_counter()
    walking: list[Future[Walk]] = []
    with ThreadPoolExecutor(8 * PER_S) as threads:
        for number, wallet in enumerate(opened):
            time.sleep(max(0.0, began + number / PER_S - time.perf_counter()))
            walking.append(threads.submit(caller.walk, wallet))
        return [one.result() for one in walking]


def _figures(
    conn: psycopg.Connection, caller: _Caller, walks: Sequence[Walk], folder: Path
) -> dict[str, float]:
    commits: dict[tuple[str, str], float] = {
        (ids.show("pay", payment), state): at for payment, state, at in conn.execute(_COMMITS)
    }
    conn.rollback()
    events = _events(folder)
    parts: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        parts.setdefault(name, []).append(seconds * 1000)

    for walk in walks:
        call, hook = (one.passed[walk.payment].result(0) for one in (caller.wire, caller.hooks))
        before = call.begun_at - walk.asked_at
        recorded = commits[walk.payment, "submitted"] - call.ended_at
        booked = commits[walk.payment, "settled"] - hook.begun_at
        note("own", before + recorded + booked)
        # What a person waits for us: until the payment page is theirs.
        note("own_to_the_page", before + recorded)
        note("door_answer", walk.answered_at - walk.asked_at)
        note("request_to_call", before)
        note("answer_to_record", recorded)
        note("webhook_to_settled", booked)
        note("provider_call", call.ended_at - call.begun_at)
        note("event_to_visible", walk.visible_at - events[walk.payment])
        note("webhook_to_visible", walk.visible_at - hook.begun_at)
    return {
        f"{name}_{cut}_ms": value
        for name, taken in parts.items()
        for cut, value in _cuts(taken).items()
    }


def _cuts(taken: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p95": cuts[94], "p99": cuts[98]}


def _payment(request: bytes) -> str | None:
    """Return the payment whose session a request asks for."""
    if not request.startswith(b"POST /v1/checkout/sessions "):
        return None
    place = request.index(b"pay_")
    return request[place : place + _ID_LENGTH].decode()


def _news(request: bytes) -> str | None:
    """Return the payment that a webhook says is paid."""
    if b'"checkout.session.completed"' not in request:
        return None
    place = request.index(b"pay_")
    return request[place : place + _ID_LENGTH].decode()


def _events(folder: Path) -> dict[str, float]:
    """Return when the journal has the event that a payment is paid: it is delivered from then."""
    found = {}
    for line in (folder / "simulator" / "journal.jsonl").read_text().splitlines():
        entry = json.loads(line)
        for record in entry["records"]:
            told = record["object"]
            if record["kind"] == "event" and told["type"] == "checkout.session.completed":
                name = told["data"]["object"]["client_reference_id"]
                found[name] = datetime.fromisoformat(entry["at"]).timestamp()
    return found


def _verified(conn: psycopg.Connection, folder: Path) -> dict[str, object]:
    """Raise unless provider and books agree, and the books are right."""
    conn.rollback()
    with db.snapshot(conn):
        breaches = ledger.verify(conn)
        books = comparison.books(conn, provider="stripe")
    compared = comparison.compare(comparison.of_stripe(read_journal(folder / "simulator")), books)
    if breaches or compared.differences or len(books.bookings) != _ALL:
        raise RuntimeError(f"{len(books.bookings)} booked: {breaches} {compared.differences[:3]}")
    return {"settled": len(books.bookings), "breaches": 0, "differences": 0}
