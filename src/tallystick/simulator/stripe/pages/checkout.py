"""The hosted checkout page: what a person sees and clicks, and the same without a browser.

The page is whole in itself under a strict content policy. The card number goes from the form
to the operation and nowhere else; it is never logged, shown again or journalled.
"""

from __future__ import annotations

import html
from dataclasses import replace
from importlib import resources
from string import Template
from typing import Any, Final
from urllib.parse import urlsplit

from tallystick.simulator.book import JsonObject
from tallystick.simulator.control import json_body, refused
from tallystick.simulator.errors import FormMalformed, SimulatorError
from tallystick.simulator.faults import OPERATION_FAULTS
from tallystick.simulator.forms import decode
from tallystick.simulator.http import Reply, Request, Router
from tallystick.simulator.stripe import amounts, cards, operations
from tallystick.simulator.stripe.errors import NotFound, StripeRefusal
from tallystick.simulator.stripe.lies import misbehave
from tallystick.simulator.stripe.model import Desk, Outcome

__all__ = ["Page"]

_ASSETS: Final = resources.files("tallystick.simulator.stripe") / "assets"
_TYPES: Final = {
    "checkout.css": "text/css",
    "checkout.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "overview.css": "text/css",
    "overview.js": "text/javascript",
}
#: What can happen to a payment on the page: the person's click has no key to answer by.
_PAGE_FAULTS: Final = {
    what: OPERATION_FAULTS[what] for what in ("slow", "timeout_after_charge", "kill")
}
_NOT_FOUND: Final = ("Nothing to pay here", "This payment page does not exist.")


class Page:
    """The routes under /c/pay, and `POST /_simulator/pay` beside them."""

    def __init__(self, desk: Desk) -> None:
        """Read the templates once."""
        self._desk = desk
        self._templates = {
            name: Template((_ASSETS / f"{name}.html").read_text("utf-8"))
            for name in ("frame", "checkout", "authenticate", "notice")
        }
        self._files = {name: (_ASSETS / name).read_bytes() for name in _TYPES}

    def add_routes(self, router: Router) -> None:
        """This function will add the page, its files and the way to pay without it."""
        router.add("GET", "/c/assets/{name}", self._file)
        router.add("GET", "/c/pay/{id}", self._show)
        router.add("POST", "/c/pay/{id}", self._pay)
        router.add("GET", "/c/pay/{id}/authenticate", self._show_authentication)
        router.add("POST", "/c/pay/{id}/authenticate", self._authenticate)
        router.add("POST", "/_simulator/pay", self._pay_without_page)

    def _file(self, request: Request) -> Reply:
        name = request.names["name"]
        if name not in self._files:
            return self._notice(404, *_NOT_FOUND)
        headers = {"Content-Type": f"{_TYPES[name]}; charset=utf-8", "Cache-Control": "max-age=300"}
        return Reply(200, self._files[name], {**headers, "X-Content-Type-Options": "nosniff"})

    def _show(self, request: Request) -> Reply:
        session = self._desk.book.find("checkout_session", request.names["id"])
        if session is None:
            return self._notice(404, *_NOT_FOUND)
        if session["status"] != "open":
            return self._closed(session)
        chosen = request.query.decode("latin-1").removeprefix("card=")
        number = cards.SHOWN[chosen][0] if chosen in cards.SHOWN else ""
        trouble = self._last_trouble(session) if request.query == b"again" else ""
        return self._checkout(200, session, number=number, trouble=trouble)

    def _pay(self, request: Request) -> Reply:
        session = self._desk.book.find("checkout_session", request.names["id"])
        if session is None:
            return self._notice(404, *_NOT_FOUND)
        try:
            number = _field(request, "number")
            card = cards.read(number)
        except (FormMalformed, cards.CardUnreadable) as trouble:
            return self._checkout(422, session, trouble=str(trouble))
        return self._done(session, *self._run(session["id"], card=card))

    def _show_authentication(self, request: Request) -> Reply:
        session = self._desk.book.find("checkout_session", request.names["id"])
        if session is None:
            return self._notice(404, *_NOT_FOUND)
        if session["status"] != "open":
            return self._closed(session)
        text = self._templates["authenticate"].substitute(self._words(session))
        return self._page(200, "Verify your payment", text, session)

    def _authenticate(self, request: Request) -> Reply:
        session = self._desk.book.find("checkout_session", request.names["id"])
        if session is None:
            return self._notice(404, *_NOT_FOUND)
        try:
            succeeds = _field(request, "answer") == "complete"
            return self._done(session, *self._run(session["id"], succeeds=succeeds))
        except (FormMalformed, StripeRefusal):
            return _redirect(f"/c/pay/{session['id']}")

    def _pay_without_page(self, request: Request) -> Reply:
        try:
            order = json_body(request)
            session, number, answer = _order(order)
            outcome, reply = self._run(session, card=cards.read(number))
            if outcome["outcome"] == "requires_action" and answer is not None:
                outcome, reply = self._run(session, succeeds=answer)
        except NotFound as missing:
            return refused(missing, 404)
        except SimulatorError as error:
            return refused(error)
        except cards.CardUnreadable as trouble:
            return refused(FormMalformed(str(trouble)))
        return reply

    def _run(
        self, session: str, *, card: cards.Card | None = None, succeeds: bool = False
    ) -> tuple[JsonObject, Reply]:
        """Pay or authenticate; return what came of it and the same as a reply."""
        desk = self._desk
        name = "checkout.pay" if card else "checkout.authenticate"
        with desk.book.lock:
            self._expire_if_overdue(session)
            outcome: Outcome = (
                operations.pay(desk, session, card)
                if card
                else operations.authenticate(desk, session, succeeds=succeeds)
            )
            desk.commit(name, outcome)
            if card and card.dispute and outcome.body["outcome"] == "paid":
                asked = {"charge": outcome.body["charge"], "reason": card.dispute}
                desk.commit("dispute.open", operations.open_dispute(desk, asked))
        fault = desk.faults.take(name, family=_PAGE_FAULTS, is_default=False)
        return outcome.body, misbehave(200, outcome.body, fault)

    def _expire_if_overdue(self, session: str) -> None:
        """Decide what time has decided before a late payment is."""
        if operations.is_overdue(self._desk, session):
            outcome = operations.expire_session(self._desk, session)
            self._desk.commit("checkout.session.expire", outcome)

    def _done(self, session: JsonObject, outcome: JsonObject, reply: Reply) -> Reply:
        """Return where the person goes next; a fault of the operation stays with it."""
        ways = {
            "paid": lambda: _redirect(_success_url(session)),
            "already_paid": lambda: _redirect(_success_url(session)),
            "requires_action": lambda: _redirect(f"/c/pay/{session['id']}/authenticate"),
            "declined": lambda: _redirect(f"/c/pay/{session['id']}?again"),
            "expired": lambda: self._closed({**session, "status": "expired"}),
        }
        return replace(ways[outcome["outcome"]](), fate=reply.fate)

    def _last_trouble(self, session: JsonObject) -> str:
        intent = self._desk.book.find("payment_intent", session["payment_intent"] or "")
        error = intent["last_payment_error"] if intent else None
        return error["message"] if error else ""

    def _checkout(
        self, status: int, session: JsonObject, *, number: str = "", trouble: str = ""
    ) -> Reply:
        filled = bool(number)
        words = {
            **self._words(session),
            "trouble": _trouble(trouble),
            "invalid": "true" if trouble else "false",
            "number": html.escape(number),
            "expiry": "12 / 34" if filled else "",
            "cvc": "123" if filled else "",
            "cards": _card_links(session["id"]),
            "items": self._items(session),
            "lines": "one" if len(self._lines(session)) == 1 else "many",
        }
        text = self._templates["checkout"].substitute(words)
        return self._page(status, f"Pay {words['amount']}", text, session)

    def _words(self, session: JsonObject) -> dict[str, str]:
        amount = amounts.show(session["amount_total"], session["currency"])
        back = session["cancel_url"]
        return {
            "id": session["id"],
            "merchant": html.escape(self._desk.account.name),
            "amount": html.escape(amount),
            "title": html.escape(_title(self._lines(session))),
            "cancel": f'<a class="cancel" href="{html.escape(back)}">Cancel and go back</a>'
            if back
            else "",
        }

    def _lines(self, session: JsonObject) -> list[JsonObject]:
        details = self._desk.book.find("session_details", session["id"])
        return details["line_items"] if details else []

    def _items(self, session: JsonObject) -> str:
        return "".join(_item(item) for item in self._lines(session))

    def _closed(self, session: JsonObject) -> Reply:
        if session["status"] == "complete":
            return self._notice(
                200, "You’re all done here", "This payment is complete.", _success_url(session)
            )
        return self._notice(
            410,
            "This page has expired",
            "Go back and begin the payment again.",
            session["cancel_url"],
        )

    def _notice(self, status: int, title: str, sentence: str, link: str | None = None) -> Reply:
        way = f'<a class="button" href="{html.escape(link)}">Continue</a>' if link else ""
        words = {"title": html.escape(title), "sentence": html.escape(sentence), "way": way}
        return self._page(status, title, self._templates["notice"].substitute(words), None)

    def _page(self, status: int, title: str, main: str, session: JsonObject | None) -> Reply:
        body = self._templates["frame"].substitute(title=html.escape(title), main=main)
        return Reply(status, body.encode(), _page_headers(session))


def _page_headers(session: JsonObject | None) -> dict[str, str]:
    # A browser holds the redirect after the form against form-action too: name where it leads.
    leads = f" {_origin(session['success_url'])}" if session else ""
    policy = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        f"form-action 'self'{leads}; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def _origin(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}:{parts.port}" if parts.port else f"{parts.scheme}://{shown}"


def _item(item: JsonObject) -> str:
    number = f" <small>× {item['quantity']}</small>" if item["quantity"] > 1 else ""
    amount = amounts.show(item["amount_total"], item["currency"])
    return f"<li><span>{html.escape(item['description'])}{number}</span><span>{amount}</span></li>"


def _success_url(session: JsonObject) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _redirect(location: str) -> Reply:
    return Reply(303, b"", {"Location": location, "Cache-Control": "no-store"})


def _title(items: list[JsonObject]) -> str:
    first = items[0]["description"] if items else "Payment"
    return f"{first} and {len(items) - 1} more" if len(items) > 1 else str(first)


def _trouble(sentence: str) -> str:
    if not sentence:
        return ""
    return f'<p class="trouble" role="alert" id="trouble">{html.escape(sentence)}</p>'


def _card_links(session: str) -> str:
    return "".join(
        f'<a class="chip" href="/c/pay/{session}?card={name}" data-number="{number}">'
        f"<b>{what}</b><span>{number[-4:]}</span></a>"
        for name, (number, what) in cards.SHOWN.items()
    )


def _field(request: Request, name: str) -> str:
    value = decode(request.body).get(name, "")
    if not isinstance(value, str):
        raise FormMalformed("Fill the form in once more.")
    return value


def _order(order: dict[str, Any]) -> tuple[str, str, bool | None]:
    """Return session, card number and the answer to 3-D Secure (None: leave it open)."""
    session, number = order.get("session"), order.get("card")
    answer = order.get("authenticate", True)
    if not (isinstance(session, str) and isinstance(number, str)):
        raise FormMalformed("Give `session` and `card`, both as text.")
    if answer not in {True, False, None} or set(order) - {"session", "card", "authenticate"}:
        raise FormMalformed("Beside `session` and `card` only `authenticate` can be given.")
    return session, number, answer
