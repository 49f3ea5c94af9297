"""The simulated Stripe: Checkout, refunds, events and webhooks as the official SDK meets them.

It asks no bank, moves no money and keeps no card number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping

from tallystick.simulator.book import Book, JsonObject
from tallystick.simulator.faults import Faults
from tallystick.simulator.http import Router
from tallystick.simulator.stripe import operations
from tallystick.simulator.stripe.api import Api
from tallystick.simulator.stripe.dashboard import Dashboard
from tallystick.simulator.stripe.model import Account, Desk
from tallystick.simulator.stripe.pages import Overview, Page
from tallystick.simulator.stripe.queries import shown

__all__ = ["Account", "Stripe", "letter"]


class Stripe:
    """One account at the simulated Stripe: its routes, its webhooks' letters, its upkeep."""

    def __init__(
        self, account: Account, *, book: Book, faults: Faults, token: Callable[[int], str]
    ) -> None:
        """Join the API, the pages and the dashboard over one desk."""
        self.book = book
        self._desk = Desk(account, book, faults, token)
        self._api = Api(self._desk)
        self._page = Page(self._desk)
        self._overview = Overview(self._desk)
        self._dashboard = Dashboard(self._desk)

    def add_routes(self, router: Router) -> None:
        """This function will add everything that this provider serves."""
        self._api.add_routes(router)
        self._page.add_routes(router)
        self._overview.add_routes(router)
        self._dashboard.add_routes(router)

    def look_after(self) -> None:
        """This function will do what time demands: expire sessions and settle refunds."""
        desk = self._desk
        with desk.book.lock:
            for session in operations.overdue_sessions(desk):
                desk.commit("checkout.session.expire", operations.expire_session(desk, session))
            for refund, status in operations.settlements_due(desk):
                desk.commit("refund.settle", operations.settle_refund(desk, refund, status))


def letter(book: Book, secret: str) -> Callable[[JsonObject], tuple[bytes, Mapping[str, str]]]:
    """Return what writes a webhook: the event as it is now, signed as Stripe signs it.

    The signature is of the real time, whatever the simulated clock says: receivers check it.
    """

    def write(webhook: JsonObject) -> tuple[bytes, Mapping[str, str]]:
        event = book.find("event", webhook["event"]) or {}
        body = json.dumps(shown(book, event), ensure_ascii=False, indent=2).encode()
        stamp = str(int(book.real_clock()))
        digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        return body, {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": f"t={stamp},v1={digest}",
            "User-Agent": "Stripe/1.0",
        }

    return write
