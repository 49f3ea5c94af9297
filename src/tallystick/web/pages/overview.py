"""`/`: what this is, for strangers; wallet, payments and entries, for people.

Reads only. While a payment is on its way, one fragment of the page stays fresh.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tallystick import db, payments, wallets
from tallystick.db import Connection
from tallystick.payments import Payment, PaymentState
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.pages import words
from tallystick.web.pages.access import person_of, signed_in
from tallystick.web.pages.picture import HEIGHT, WIDTH, Picture, draw
from tallystick.web.pages.wallet import Happening, happenings, pay_link
from tallystick.web.pages.words import Telling

__all__ = ["fragment", "overview"]

#: Entries that the picture is drawn from: a busy wallet's go back less far, and it says so.
_PICTURED_MAX: Final = 500
#: Entries shown here; the wallet's own page has them all.
_LINES_MAX: Final = 12
_PAYMENTS_MAX: Final = 20
_SHOWN_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Told:
    """A payment with its words."""

    payment: Payment
    telling: Telling


@dataclass(frozen=True, slots=True)
class Overview:
    """All that the page shows, as read in one transaction."""

    now: datetime
    wallets: list[Wallet]
    lines: list[Happening]
    picture: Picture | None
    open_payments: list[Told]
    past_payments: list[Told]

    @property
    def version(self) -> str:
        """Return a text that changes when anything shown does."""
        moved = [f"{told.payment.updated_at:%Y%m%d%H%M%S%f}" for told in self.open_payments]
        held = [f"{wallet.version}.{wallet.owes.minor}" for wallet in self.wallets]
        return "-".join([*held, *moved])


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show a stranger what this is, and a person their wallet."""
    if not request.user.is_authenticated:
        return render(request, "pages/landing.html")
    return render(request, "pages/overview.html", _context(_seen(request)))


@require_safe
@signed_in
def fragment(request: HttpRequest) -> HttpResponse:
    """Return what moves on the overview; 204 where the page shows it already."""
    seen = _seen(request)
    if request.GET.get("seen") == seen.version:
        return HttpResponse(status=204)
    return render(request, "pages/overview/live.html", _context(seen))


def _seen(request: HttpRequest) -> Overview:
    with heart() as conn:
        return _read(conn, person_of(request).owner)


def _context(seen: Overview) -> dict[str, object]:
    told: dict[str, object] = {"overview": seen, "now": seen.now, "width": WIDTH, "height": HEIGHT}
    return told | {"link": pay_link(seen.wallets[0])} if seen.wallets else told


def _read(conn: Connection, owner: str) -> Overview:
    now = db.now(conn)
    owned = wallets.of_owner(conn, owner=owner)
    paid = payments.of_owner(conn, owner=owner, limit=_PAYMENTS_MAX)
    lines = wallets.history(conn, wallet=owned[0], limit=_LINES_MAX) if owned else []
    pictured = wallets.entries(conn, wallet=owned[0], limit=_PICTURED_MAX) if owned else []
    told = [Told(payment, _tell(conn, payment, now)) for payment in paid]
    return Overview(
        now=now,
        wallets=owned,
        lines=happenings(conn, lines, owner=owner),
        picture=draw(pictured, now=now),
        open_payments=[one for one in told if not one.payment.is_terminal],
        past_payments=[one for one in told if one.payment.is_terminal][:_SHOWN_MAX],
    )


def _tell(conn: Connection, payment: Payment, now: datetime) -> Telling:
    """Return a payment's words; whether one waits in our queue stands among its steps."""
    if payment.state is not PaymentState.CREATED:
        return words.tell(payment)
    file = payments.file(conn, payment_id=payment.id, owner=payment.owner)
    return words.tell_file(file, now=now)
