"""The lane: readiness asked seldom, webhooks never waited for without end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from tallystick.db import DatabaseUnavailable
from tallystick.health import Check
from tallystick.web.database import GATE, Pulse
from tallystick.web.edge import Exchange, Reply
from tallystick.web.lane import Lane
from tallystick.webhooks import Event, InboxBusy, InboxFull, Receipt, SignatureInvalid

EVENT = Event("evt_1", "test", datetime(2026, 1, 1, tzinfo=UTC), b"{}")


class Household:
    """A house of one check whose inbox does what the test says."""

    def __init__(self) -> None:
        self.asked = 0
        self.trouble: Exception | None = None
        self.forged: Exception | None = None
        self.is_silent = False
        self.verified: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.handed: list[asyncio.Future[Receipt]] = []
        self.reached = asyncio.Event()

    @property
    def checks(self) -> tuple[Check, ...]:
        return (Check("database", self._count, critical=True),)

    def verify(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> Event:
        if self.forged is not None:
            raise self.forged
        self.verified.append((provider, raw, headers))
        return EVENT

    def keep(self, provider: str, event: Event) -> asyncio.Future[Receipt]:
        assert (provider, event) == ("stripe", EVENT)
        future = asyncio.get_running_loop().create_future()
        self.handed.append(future)
        self.reached.set()
        if self.trouble is not None:
            future.set_exception(self.trouble)
        elif not self.is_silent:
            future.set_result(Receipt(event.external_id, is_new=True))
        return future

    def _count(self) -> None:
        self.asked += 1


@pytest.fixture
def house() -> Household:
    return Household()


@pytest.fixture
def lane(house: Household) -> Iterator[Lane]:
    made = Lane(house, pulse=Pulse("postgresql://nobody@127.0.0.1:9/nothing"))
    yield made
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
    def test_verifies_the_raw_body_and_headers(self, lane: Lane, house: Household) -> None:
        reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe", b'{"a" :1}'))
        assert reply.status == 200
        assert house.verified == [("stripe", b'{"a" :1}', {"a": "b"})]
        assert len(house.handed) == 1

    def test_that_meets_an_outage_is_to_be_sent_again_and_the_next_at_once(
        self, lane: Lane, house: Household
    ) -> None:
        house.trouble = DatabaseUnavailable("gone")
        for _ in range(2):
            reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe"))
            assert reply.status == 503
            assert (b"retry-after", b"1") in reply.headers
            assert json.loads(reply.body)["code"] == "database_unavailable"
        assert len(house.handed) == 1, "the gate is shut: nobody asks the inbox"

    def test_that_is_forged_is_refused_while_the_database_is_away_and_never_tries_it(
        self, lane: Lane, house: Household
    ) -> None:
        GATE.failed()
        house.forged = SignatureInvalid("forged")
        for _ in range(3):
            reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe"))
            assert (reply.status, json.loads(reply.body)["code"]) == (
                400,
                "webhook_signature_invalid",
            )
        assert house.handed == []

    def test_that_the_database_does_not_keep_now_shuts_nobody_else_out(
        self, lane: Lane, house: Household
    ) -> None:
        house.trouble = InboxBusy("The database does not keep it now. Deliver it again.")
        GATE.failed()
        GATE._refuse_until = 0.0
        reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe"))
        assert (reply.status, json.loads(reply.body)["code"]) == (503, "inbox_busy")
        assert GATE.is_open

    def test_beyond_so_many_is_to_be_sent_again(self, lane: Lane, house: Household) -> None:
        house.trouble = InboxFull("Too many webhooks wait already. Deliver it again.")
        reply = asyncio.run(_ask(lane, "POST", "/api/webhooks/stripe"))
        assert (reply.status, json.loads(reply.body)["code"]) == (503, "inbox_full")
        assert (b"retry-after", b"1") in reply.headers
        assert GATE.is_open

    def test_whose_client_is_gone_is_taken_back(self, lane: Lane, house: Household) -> None:
        house.is_silent = True

        async def leave() -> None:
            asking = asyncio.ensure_future(_ask(lane, "POST", "/api/webhooks/stripe"))
            await house.reached.wait()
            asking.cancel()
            await asyncio.wait([asking])

        asyncio.run(leave())
        assert [future.cancelled() for future in house.handed] == [True]


class TestDoor:
    @pytest.mark.parametrize(
        "path",
        ["/", "/api", "/api/health/", "/api/webhooks/", "/api/webhooks/a/b", "/api/webhooks/UP"],
    )
    def test_leaves_every_other_path_to_django(self, lane: Lane, path: str) -> None:
        assert lane.door(_exchange("GET", path)) is None
