"""The simulator as a process of its own, and somebody who listens to its webhooks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import stripe

KEY = "sk_test_acceptance"
SECRET = "whsec_acceptance"
PROGRAM = """
import sys
import typer
from tallystick.cli.simulator import register
app = typer.Typer()
register(app)
app(["simulator", *sys.argv[1:]])
"""
SOURCE = Path(__file__).parents[3] / "src"
PAID = {"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: Callable[[], Any], *, within_s: float = 15) -> Any:
    """Return what comes, once it is true."""
    deadline = time.monotonic() + within_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.02)
    return found


@dataclass
class Running:
    """A simulator in a process of its own."""

    data: Path
    webhook_url: str = "http://127.0.0.1:9/nobody"
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self, *more: str, key: str = KEY) -> tuple[list[str], dict[str, str]]:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")
        } | {
            "PYTHONPATH": str(SOURCE),
            "TALLYSTICK_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
            "TALLYSTICK_REDIS_URL": "redis://127.0.0.1:9/0",
            "TALLYSTICK_STRIPE_SECRET_KEY": key,
            "TALLYSTICK_STRIPE_WEBHOOK_SECRET": SECRET,
            "TALLYSTICK_SIMULATOR_WEBHOOK_URL": self.webhook_url,
        }
        words = ["--port", str(self.port), "--data", str(self.data), *more]
        return [sys.executable, "-c", PROGRAM, *words], environment

    def start(self, *more: str) -> Running:
        argv, environment = self.command(*more)
        self.process = subprocess.Popen(
            argv, env=environment, stdout=subprocess.PIPE, text=True, cwd=self.data.parent
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith(f"Simulator ready on {self.url}"), line
        return self

    def end(self, farewell: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(farewell)
        return self.gone()

    def gone(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        status = self.process.wait(10)
        self.process.stdout.close()
        return status

    def refused(self, *more: str, key: str = KEY) -> str:
        """Return what it says when it does not start."""
        argv, environment = self.command(*more, key=key)
        ended = subprocess.run(
            argv, env=environment, capture_output=True, text=True, timeout=20, check=False
        )
        assert ended.returncode == 1
        assert "Traceback" not in ended.stderr
        return ended.stderr

    def client(self, *, timeout_s: float = 10, retries: int = 0) -> stripe.StripeClient:
        return stripe.StripeClient(
            KEY,
            base_addresses={"api": self.url},
            max_network_retries=retries,
            http_client=stripe.RequestsClient(timeout=timeout_s),
        )

    def next(self, what: str, **more: object) -> None:
        answer = httpx.post(f"{self.url}/_simulator/next", json={"what": what, **more})
        assert answer.status_code == 200, answer.text

    def control(self, path: str, asked: object = None, *, method: str = "POST") -> Any:
        """Return what the control API answers, which must be 200."""
        answer = httpx.request(method, f"{self.url}/_simulator/{path}", json=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def paid(self, card: str = "4242424242424242", amount: int = 150_000) -> Any:
        """Return the charge of a new session that was paid."""
        v1 = self.client().v1
        session = v1.checkout.sessions.create(order(amount))
        assert self.pay(session.id, card) == "paid"
        expand: Any = {"expand": ["payment_intent.latest_charge"]}
        found: Any = v1.checkout.sessions.retrieve(session.id, expand)
        return found.payment_intent.latest_charge

    def pay(self, session: str, card: str = "4242424242424242") -> str:
        order = {"session": session, "card": card}
        answer = httpx.post(f"{self.url}/_simulator/pay", json=order)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["outcome"])


@dataclass
class Listener:
    """A merchant's webhook endpoint: keeps what it gets and answers as it is told."""

    url: str
    answers: list[int] = field(default_factory=list)
    got: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    #: The connections that it was told by.
    callers: set[Any] = field(default_factory=set)

    def events(self) -> list[Any]:
        return [
            stripe.Webhook.construct_event(body, headers["stripe-signature"], SECRET)
            for body, headers in self.got
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]


def order(amount: int = 150_000) -> Any:
    return {
        "mode": "payment",
        "success_url": "http://127.0.0.1:8123/payments/pay_1?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:8123/top-up",
        "client_reference_id": "pay_1",
        "metadata": {"payment": "pay_1"},
        "payment_intent_data": {"metadata": {"payment": "pay_1"}},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": "kes",
                    "unit_amount": amount,
                    "product_data": {"name": "Top up"},
                },
            }
        ],
    }
