"""A simulator without sockets: a journal in a temporary folder and a clock that tests turn."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tallystick.simulator import Configuration, Simulator
from tallystick.simulator.http import Reply, Request

KEY = "sk_test_unit"


@dataclass
class Clock:
    """Seconds since 1970, as the test says."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Shop:
    """A merchant's program against the simulator, without the network between them."""

    simulator: Simulator
    clock: Clock
    configuration: Configuration
    headers: dict[str, str] = field(default_factory=lambda: {"authorization": f"Bearer {KEY}"})

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Send a request as it is; give names of headers with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address, _, query = path.partition("?")
        request = Request(method, address, query.encode(), {**self.headers, **named}, body)
        reply = self.simulator.door._answer(request)
        if reply.done:
            reply.done()
        return reply

    def post(
        self, path: str, form: Mapping[str, object] | None = None, key: str | None = None
    ) -> tuple[int, Any]:
        headers = {"idempotency_key": key} if key else {}
        reply = self.send("POST", path, urlencode(form or {}).encode(), **headers)
        return reply.status, json.loads(reply.body)

    def get(self, path: str) -> tuple[int, Any]:
        reply = self.send("GET", path)
        return reply.status, json.loads(reply.body)

    def control(self, path: str, order: object) -> tuple[int, Any]:
        reply = self.send("POST", path, json.dumps(order).encode(), content_type="application/json")
        return reply.status, json.loads(reply.body)

    def session(self, amount: int = 150_000, currency: str = "kes", **more: object) -> Any:
        status, session = self.post("/v1/checkout/sessions", form_of(amount, currency, **more))
        assert status == 200, session
        return session

    def pay(self, session: str, card: str = "4242424242424242", **more: object) -> Any:
        status, outcome = self.control(
            "/_simulator/pay", {"session": session, "card": card, **more}
        )
        assert status == 200, outcome
        return outcome

    def events(self) -> list[str]:
        return [event["type"] for event in self.get("/v1/events?limit=100")[1]["data"]]

    def reopened(self) -> Shop:
        """Return the same shop after a restart of the simulator."""
        self.simulator.close()
        self.simulator = Simulator.open(self.configuration, clock=self.clock)
        return self


def form_of(amount: int = 150_000, currency: str = "kes", **more: object) -> dict[str, object]:
    """Return the form of a checkout session; `more` names are as Stripe's."""
    price = "line_items[0][price_data]"
    return {
        "mode": "payment",
        "success_url": "https://shop.example/paid?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/basket",
        "line_items[0][quantity]": 1,
        f"{price}[currency]": currency,
        f"{price}[unit_amount]": amount,
        f"{price}[product_data][name]": "Top up <your> wallet",
        **more,
    }


@pytest.fixture
def form() -> Callable[..., dict[str, object]]:
    return form_of


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    configuration = Configuration(
        host="127.0.0.1",
        port=8124,
        data=tmp_path / "simulator",
        stripe_secret_key=KEY,
        stripe_webhook_secret="whsec_unit",
        # Nobody listens, and no courier is started: webhooks are only owed.
        webhook_url="http://127.0.0.1:9/api/webhooks/stripe",
    )
    clock = Clock()
    shop = Shop(Simulator.open(configuration, clock=clock), clock, configuration)
    yield shop
    shop.simulator.close()
