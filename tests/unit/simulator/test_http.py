"""The door reads whole requests within bounds and answers only what is on disk."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tallystick.simulator import http
from tallystick.simulator.http import Door, Fate, Reply, Request, Router, json_reply
from tallystick.simulator.journal import Journal


class _Idle:
    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path)
    yield journal
    journal.close()


def serve(
    journal: Journal, router: Router, messages: list[dict[str, Any]], **scope: Any
) -> list[dict[str, Any]]:
    """Return what the door sends for the messages that it receives."""
    sent: list[dict[str, Any]] = []
    incoming = iter(messages)

    async def receive() -> Any:
        try:
            return next(incoming)
        except StopIteration:
            await asyncio.sleep(10)

    async def send(message: Any) -> None:
        sent.append(message)

    whole = {
        "type": "http",
        "method": "POST",
        "path": "/things",
        "query_string": b"",
        "headers": [],
        **scope,
    }
    asyncio.run(Door(router, journal=journal, life=_Idle())(whole, receive, send))
    return sent


def echo(journal: Journal) -> Router:
    router = Router()

    def handle(request: Request) -> Reply:
        journal.write({"body": request.body.decode()})
        return json_reply(200, {"names": dict(request.names), "size": len(request.body)})

    router.add("POST", "/things", handle)
    router.add("GET", "/things/{id}", handle)
    return router


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


class TestDoor:
    def test_hands_over_the_whole_body_and_syncs_before_it_answers(self, journal: Journal) -> None:
        start, body = serve(journal, echo(journal), [part(b"ab", more=True), part(b"c")])
        assert (start["status"], json.loads(body["body"])["size"]) == (200, 3)
        assert journal.is_durable

    def test_does_nothing_for_a_body_that_is_cut(self, journal: Journal) -> None:
        cut = [part(b"ab", more=True), {"type": "http.disconnect"}]
        assert serve(journal, echo(journal), cut) == []
        assert journal.sequence == 0

    def test_refuses_a_body_that_is_too_large(self, journal: Journal) -> None:
        start, _ = serve(journal, echo(journal), [part(b"x" * (http.BODY_BYTES_MAX + 1))])
        assert (start["status"], journal.sequence) == (413, 0)

    def test_refuses_headers_that_are_too_large(self, journal: Journal) -> None:
        headers = [(b"x-long", b"x" * http.HEADER_BYTES_MAX)]
        start, _ = serve(journal, echo(journal), [part(b"")], headers=headers)
        assert start["status"] == 431

    def test_refuses_a_body_that_does_not_come(
        self, journal: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http, "BODY_WAIT_S", 0.01)
        start, _ = serve(journal, echo(journal), [part(b"a", more=True)])
        assert (start["status"], journal.sequence) == (408, 0)

    def test_answers_500_and_stays_up_when_a_handler_fails(self, journal: Journal) -> None:
        router = Router()

        def fail(_request: Request) -> Reply:
            raise LookupError("a mistake of ours")

        router.add("POST", "/things", fail)
        start, body = serve(journal, router, [part(b"")])
        assert start["status"] == 500
        assert b"a mistake of ours" not in body["body"]

    def test_lets_go_of_the_key_also_when_the_reply_never_comes(
        self, journal: Journal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        finished: list[bool] = []
        router = Router()
        reply = Reply(200, b"", fate=Fate(hangs=True), done=lambda: finished.append(True))
        router.add("POST", "/things", lambda _request: reply)
        monkeypatch.setattr(http, "HANG_S", 0.01)
        start, _ = serve(journal, router, [part(b"")])
        assert (start["status"], finished) == (504, [True])


class TestRouter:
    def test_names_what_stands_in_the_path(self, journal: Journal) -> None:
        reply = echo(journal).answer(Request("GET", "/things/cs_test_1"))
        assert json.loads(reply.body)["names"] == {"id": "cs_test_1"}

    @pytest.mark.parametrize("path", ["/", "/things/", "/things/a/b", "/things/ä", "/things/a%2Fb"])
    def test_knows_no_other_path(self, journal: Journal, path: str) -> None:
        assert echo(journal).answer(Request("GET", path)).status == 404

    def test_says_which_method_it_takes(self, journal: Journal) -> None:
        reply = echo(journal).answer(Request("PUT", "/things"))
        assert (reply.status, reply.headers["Allow"]) == (405, "POST")
