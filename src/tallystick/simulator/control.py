"""The control API: what tests ask of the simulator itself, under `/_simulator`.

It takes JSON only, so that no web page of another origin can send it a form. It changes
nothing that a provider knows: that is done by the provider's own part of the control API.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from tallystick.simulator.book import Book
from tallystick.simulator.errors import FaultMalformed, FormMalformed, SimulatorError
from tallystick.simulator.faults import Faults
from tallystick.simulator.forms import decode
from tallystick.simulator.http import Reply, Request, Router, json_reply
from tallystick.simulator.journal import Journal
from tallystick.simulator.webhooks import KIND

__all__ = ["add_routes", "json_body", "refused"]

_PAGE_MAX: Final = 1_000
_PAGE: Final = 100


def add_routes(router: Router, *, journal: Journal, faults: Faults, books: Sequence[Book]) -> None:
    """This function will add the routes that all providers share."""
    control = _Control(journal, faults, books)
    router.add("GET", "/_simulator/health", control.health)
    router.add("GET", "/_simulator/journal", control.journal)
    router.add("GET", "/_simulator/next", control.waiting)
    router.add("POST", "/_simulator/next", control.queue)
    router.add("DELETE", "/_simulator/next", control.clear)


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


class _Control:
    def __init__(self, journal: Journal, faults: Faults, books: Sequence[Book]) -> None:
        self._journal = journal
        self._faults = faults
        self._books = books

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
        return json_reply(200, {"waiting": [asdict(f) for f in self._faults.waiting()]})

    def queue(self, request: Request) -> Reply:
        try:
            added = self._faults.add(json_body(request))
        except (FaultMalformed, FormMalformed) as error:
            return refused(error)
        return json_reply(200, {"queued": [asdict(fault) for fault in added]})

    def clear(self, _request: Request) -> Reply:
        self._faults.clear()
        return json_reply(200, {"waiting": []})


def _number(text: object, smallest: int, largest: int) -> int:
    if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 17:  # noqa: PLR2004 - below 2^53
        number = int(text)
        if smallest <= number <= largest:
            return number
    raise FormMalformed(f"Give `after` and `limit` as whole numbers, limit from 1 to {_PAGE_MAX}.")
