"""The control API: what tests ask of the simulator itself, under `/_simulator`.

It takes JSON only, so that no web page of another origin can send it a form. It changes
nothing that a provider knows: that is done by the provider's own part of the control API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tallystick.simulator.book import Book
from tallystick.simulator.callers import is_local
from tallystick.simulator.errors import FaultMalformed, FormMalformed, SimulatorError
from tallystick.simulator.faults import Faults
from tallystick.simulator.forms import decode
from tallystick.simulator.http import Reply, Request, Router, json_reply
from tallystick.simulator.journal import Journal
from tallystick.simulator.webhooks import KIND

__all__ = ["add_routes", "json_body", "refused"]

_PAGE_MAX: Final = 1_000
_PAGE: Final = 100
#: The clock moves at most so far at once, in seconds: ten years.
_ADVANCE_S_MAX: Final = 315_576_000
_LOCAL_NAMES: Final = frozenset(("127.0.0.1", "localhost", "[::1]"))


def add_routes(
    router: Router,
    *,
    journal: Journal,
    faults: Faults,
    books: Sequence[Book],
    look_after: Callable[[], None],
) -> None:
    """This function will add the routes that all providers share.

    `look_after` does what time demands, after the clock was moved.
    """
    control = _Control(journal, faults, books, look_after)
    router.add("GET", "/_simulator/health", control.health)
    router.add("GET", "/_simulator/journal", control.journal)
    router.add("GET", "/_simulator/next", control.waiting)
    router.add("POST", "/_simulator/next", control.queue)
    router.add("DELETE", "/_simulator/next", control.clear)
    router.add("GET", "/_simulator/outage", control.show_outage)
    router.add("POST", "/_simulator/outage", control.begin_outage)
    router.add("DELETE", "/_simulator/outage", control.end_outage)
    router.add("GET", "/_simulator/clock", control.show_clock)
    router.add("POST", "/_simulator/clock", control.advance_clock)
    router.add("DELETE", "/_simulator/clock", control.clock_back)


def json_body(request: Request) -> dict[str, Any]:
    """Return the request's JSON object; raise FormMalformed for anything else."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise FormMalformed("Send JSON, with Content-Type: application/json.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as trouble:
        raise FormMalformed("The body is no JSON.") from trouble
    if not isinstance(body, dict):
        raise FormMalformed("Send one JSON object.")
    return body


def refused(error: SimulatorError, status: int = 400) -> Reply:
    """Return the error as the control API shows it."""
    return json_reply(status, {"error": {"code": error.code, "message": str(error)}})


@dataclass(frozen=True, slots=True)
class _Control:
    _journal: Journal
    _faults: Faults
    _books: Sequence[Book]
    _look_after: Callable[[], None]

    def health(self, _request: Request) -> Reply:
        webhooks = [w for book in self._books for w in book.newest_first(KIND)]
        states = ("owed", "delivered", "abandoned", "lost")
        return json_reply(
            200,
            {
                "status": "ok",
                "providers": [book.provider for book in self._books],
                "journal_entries": self._journal.sequence,
                "faults": len(self._faults.waiting()),
                "is_out": self._faults.outage() is not None,
                "webhooks": {s: sum(1 for w in webhooks if w["state"] == s) for s in states},
            },
        )

    def journal(self, request: Request) -> Reply:
        try:
            query = decode(request.query)
            after = _number(query.get("after", "0"), 0, 2**53)
            limit = _number(query.get("limit", str(_PAGE)), 1, _PAGE_MAX)
        except FormMalformed as error:
            return refused(error)
        entries = []
        for entry in self._journal.lines(after=after):
            entries.append(entry)
            if len(entries) == limit:
                break
        last = entries[-1]["seq"] if entries else after
        return json_reply(
            200, {"entries": entries, "last": last, "has_more": last < self._journal.sequence}
        )

    def waiting(self, _request: Request) -> Reply:
        return json_reply(200, {"waiting": [fault.shown() for fault in self._faults.waiting()]})

    def queue(self, request: Request) -> Reply:
        try:
            order = json_body(request)
            if order.get("what") == "kill_caller":
                _refuse_strangers(request)
            added = self._faults.add(order)
        except (FaultMalformed, FormMalformed) as error:
            return refused(error)
        return json_reply(200, {"queued": [fault.shown() for fault in added]})

    def clear(self, _request: Request) -> Reply:
        self._faults.clear()
        return json_reply(200, {"waiting": []})

    def show_outage(self, _request: Request) -> Reply:
        outage = self._faults.outage()
        return json_reply(200, {"outage": asdict(outage) if outage else None})

    def begin_outage(self, request: Request) -> Reply:
        try:
            self._faults.begin_outage(json_body(request))
        except (FaultMalformed, FormMalformed) as error:
            return refused(error)
        return self.show_outage(request)

    def end_outage(self, request: Request) -> Reply:
        self._faults.end_outage()
        return self.show_outage(request)

    def show_clock(self, _request: Request) -> Reply:
        book = self._books[0]
        return json_reply(200, {"now": int(book.clock()), "ahead_s": book.ahead_s})

    def advance_clock(self, request: Request) -> Reply:
        try:
            seconds = _seconds(json_body(request))
        except FormMalformed as error:
            return refused(error)
        for book in self._books:
            book.advance(seconds)
        self._look_after()
        return self.show_clock(request)

    def clock_back(self, request: Request) -> Reply:
        for book in self._books:
            book.go_back()
        return self.show_clock(request)


def _seconds(order: dict[str, Any]) -> int:
    seconds = order.get("advance_s")
    if type(seconds) is int and 0 <= seconds <= _ADVANCE_S_MAX and len(order) == 1:
        return seconds
    raise FormMalformed(f"Give `advance_s` alone, from 0 to {_ADVANCE_S_MAX} seconds.")


def _refuse_strangers(request: Request) -> None:
    """Processes are killed for programs of the same machine alone, never for a web page."""
    named = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host")
    if not is_local(request.client) or named not in _LOCAL_NAMES:
        raise FaultMalformed("`kill_caller` is taken from the simulator's own machine alone.")


def _number(text: object, smallest: int, largest: int) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 17:  # noqa: PLR2004 - below 2^53
        number = int(text)
        if smallest <= number <= largest:
            return number
    raise FormMalformed(f"Give `after` and `limit` as whole numbers, limit from 1 to {_PAGE_MAX}.")
