"""The lane: readiness asked seldom, webhooks never waited for without end."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from tallystick.health import Check
from tallystick.web.database import GATE, Pulse
from tallystick.web.edge import Exchange, Reply
from tallystick.web.lane import Lane
from tallystick.web.problems import Overloaded


class Household:
    """A house of two checks whose inbox does what the test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: Exception | None = None
        self.released = threading.Event()
        self.released.set()
        self.kept: list[tuple[str, bytes, Mapping[str, str]]] = []

    @property
    def checks(self) -> tuple[Check, ...]:
        return (Check("database", self._count, critical=True),)

    def inbox(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> Any:
        self.released.wait(5)
        if self.trouble is not None:
            raise self.trouble
        self.kept.append((provider, raw, headers))

    def _count(self) -> None:
        self.asked += 1


@pytest.fixture
def house() -> Household:
    return Household()


@pytest.fixture
def lane(house: Household) -> Iterator[Lane]:
    made = Lane(house, pulse=Pulse("postgresql://nobody@127.0.0.1:9/nothing"))
    yield made
    house.released.set()
    made.close()
    GATE.succeeded()


def _exchange(method: str, path: str) -> Exchange:
    scope: dict[str, Any] = {"method": method, "path": path, "query_string": b"", "headers": []}
    return Exchange(scope, method, path, "http", ("127.0.0.1", 1), [(b"a", b"b")])


async def _ask(lane: Lane, method: str, path: str, body: bytes = b"") -> Reply:
    exchange = _exchange(method, path)
    door = lane.door(exchange)
    assert door is not None
    return await door(exchange, body)


class TestReady:
    def test_asks_once_for_many_at_once(self, lane: Lane, house: Household) -> None:
        async def many() -> list[Reply]:
            return await asyncio.gather(
                *(_ask(lane, "GET", "/api/health/ready") for _ in range(50))
            )

        replies = asyncio.run(many())
        assert {reply.status for reply in replies} == {200}
        assert house.asked == 1


class TestWebhook:
    def test_hands_over_the_raw_body_and_headers(self, lane: Lane, house: Household) -> None:
        reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe", b'{"a" :1}'))
        assert reply.status == 200
        assert house.kept == [("stripe", b'{"a" :1}', {"a": "b"})]

    def test_that_meets_an_outage_is_to_be_sent_again_and_the_next_at_once(
        self, lane: Lane, house: Household
    ) -> None:
        house.trouble = psycopg.OperationalError("server closed the connection")
        for _ in range(2):
            reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe"))
            assert reply.status == 503
            assert (b"retry-after", b"1") in reply.headers
            assert json.loads(reply.body)["code"] == "database_unavailable"
            house.trouble = AssertionError("the gate is shut: nobody asks the inbox")

    def test_beyond_so_many_is_refused(self, lane: Lane, house: Household) -> None:
        house.released.clear()

        async def flood() -> list[Any]:
            asking = [
                asyncio.ensure_future(_ask(lane, "POST", "/api/webhooks/stripe"))
                for _ in range(257)
            ]
            await asyncio.sleep(0)
            house.released.set()
            return await asyncio.gather(*asking, return_exceptions=True)

        found = asyncio.run(flood())
        assert [type(reply) for reply in found].count(Overloaded) == 1
        assert len(house.kept) == 256


class TestDoor:
    @pytest.mark.parametrize(
        "path",
        ["/", "/api", "/api/health/", "/api/webhooks/", "/api/webhooks/a/b", "/api/webhooks/UP"],
    )
    def test_leaves_every_other_path_to_django(self, lane: Lane, path: str) -> None:
        assert lane.door(_exchange("GET", path)) is None
