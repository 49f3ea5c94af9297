"""The overview: what happened at the simulated Stripe, with a button for each fact to come.

It shows and decides nothing else: its buttons give the control API the orders that anybody
could give it, as JSON, from this origin alone.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import resources
from itertools import islice
from string import Template
from typing import Final

from tallystick.simulator.book import JsonObject
from tallystick.simulator.http import Reply, Request, Router
from tallystick.simulator.stripe import amounts
from tallystick.simulator.stripe.model import Desk
from tallystick.simulator.webhooks import KIND as WEBHOOK

__all__ = ["Overview"]

_TEMPLATE: Final = resources.files("tallystick.simulator.stripe") / "assets" / "overview.html"
_SHOWN: Final = 25
_STATES: Final = ("owed", "delivered", "abandoned", "lost")
_OPEN: Final = frozenset(("needs_response", "under_review"))
_HEADERS: Final = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_Row = Callable[[JsonObject], Sequence[str]]


class Overview:
    """The route /_simulator."""

    def __init__(self, desk: Desk) -> None:
        """Read the template once."""
        self._desk = desk
        self._template = Template(_TEMPLATE.read_text("utf-8"))

    def add_routes(self, router: Router) -> None:
        """This function will add the page."""
        router.add("GET", "/_simulator", self._show)

    def _show(self, _request: Request) -> Reply:
        with self._desk.book.lock:
            words = {
                "facts": self._facts(),
                "orders": self._orders(),
                "sessions": self._table("checkout_session", _session_row),
                "charges": self._table("charge", _charge_row),
                "refunds": self._table("refund", _refund_row),
                "disputes": self._table("dispute", _dispute_row),
            }
        return Reply(200, self._template.substitute(words).encode(), _HEADERS)

    def _facts(self) -> str:
        book, faults = self._desk.book, self._desk.faults
        now = datetime.fromtimestamp(book.clock(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        states = [webhook["state"] for webhook in book.newest_first(WEBHOOK)]
        told = ", ".join(f"{states.count(state)} {state}" for state in _STATES)
        waiting = ", ".join(fault.what for fault in faults.waiting()[:5]) or "none"
        outage = faults.outage()
        facts = {
            "Clock": f"{now}, {book.ahead_s:,} s ahead",
            "Webhooks": told,
            "Faults that wait": waiting,
            "API": f"down: {outage.answer}" if outage else "up",
        }
        return "".join(
            f"<div><dt>{name}</dt><dd>{html.escape(text)}</dd></div>"
            for name, text in facts.items()
        )

    def _orders(self) -> str:
        outage = self._desk.faults.outage()
        switch = (
            _button("End the outage", "outage", {}, method="DELETE")
            if outage
            else _button("Begin an outage", "outage", {})
        )
        return "".join(
            (
                _button("An hour later", "clock", {"advance_s": 3_600}),
                _button("A day later", "clock", {"advance_s": 86_400}),
                switch,
                _button("Forget the faults", "next", {}, method="DELETE"),
            )
        )

    def _table(self, kind: str, row: _Row) -> str:
        shown = islice(self._desk.book.newest_first(kind), _SHOWN)
        rows = "".join(_cells(row(one)) for one in shown)
        return rows or '<tr><td colspan="4" class="none">Nothing yet.</td></tr>'


def _cells(cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _session_row(one: JsonObject) -> Sequence[str]:
    pay = f'<a class="order" href="/c/pay/{one["id"]}">Pay</a>' if one["status"] == "open" else ""
    return _id(one), amounts.show(one["amount_total"], one["currency"]), one["status"], pay


def _charge_row(one: JsonObject) -> Sequence[str]:
    about = {"charge": one["id"]}
    orders = ""
    if one["paid"] and not one["disputed"] and not one["refunded"]:
        orders = _button("Refund", "stripe/refunds", about)
        orders += _button("Dispute", "stripe/disputes", about)
    state = "disputed" if one["disputed"] else "refunded" if one["refunded"] else one["status"]
    return _id(one), amounts.show(one["amount"], one["currency"]), state, orders


def _refund_row(one: JsonObject) -> Sequence[str]:
    ends = {"pending": ("succeeded", "failed"), "succeeded": ("failed",)}
    orders = "".join(
        _button(end.capitalize(), f"stripe/refunds/{one['id']}", {"status": end})
        for end in ends.get(one["status"], ())
    )
    return _id(one), amounts.show(one["amount"], one["currency"]), one["status"], orders


def _dispute_row(one: JsonObject) -> Sequence[str]:
    ends = ("won", "lost") if one["status"] in _OPEN else ()
    orders = "".join(
        _button(end.capitalize(), f"stripe/disputes/{one['id']}", {"status": end}) for end in ends
    )
    state = f"{one['status']}, {html.escape(one['reason'])}"
    return _id(one), amounts.show(one["amount"], one["currency"]), state, orders


def _id(one: JsonObject) -> str:
    shown = one["id"] if len(one["id"]) <= 30 else f"{one['id'][:26]}…"  # noqa: PLR2004 - what a column holds
    return f'<code title="{one["id"]}">{shown}</code>'


def _button(label: str, path: str, order: JsonObject, *, method: str = "POST") -> str:
    body = html.escape(json.dumps(order))
    return (
        f'<button type="button" class="order" data-method="{method}" '
        f'data-path="/_simulator/{path}" data-order="{body}">{label}</button>'
    )
