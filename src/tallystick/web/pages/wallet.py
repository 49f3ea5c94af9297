"""`/wallets/{id}` and `/transfers/{id}`: a wallet's history, and the receipt of one transfer.

Reads only. Another person's wallet or transfer looks as if it were not there; names are masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tallystick import db, ids, payments, wallets
from tallystick.db import Connection
from tallystick.ids import IdMalformed
from tallystick.ledger import Entry
from tallystick.wallets import Line, Receipt, TransferNotFound, Wallet, WalletNotFound
from tallystick.web.database import heart
from tallystick.web.pages import words
from tallystick.web.pages.access import person_of, signed_in
from tallystick.web.people import recipients

__all__ = ["Happening", "days", "happenings", "pay_link", "transfer", "wallet"]

_SHOWN_MAX: Final = 25
_PAYMENTS_MAX: Final = 100
#: A transfer that was booked later than this tells both times.
_LATE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry as pages show it: its words, and where more is to be seen."""

    entry: Entry
    #: A moment of the day under which it stands.
    day: datetime
    title: str
    note: str | None
    payment_id: UUID | None
    transfer_id: UUID | None


@dataclass(frozen=True, slots=True)
class Seen:
    """A page of a wallet's history, read in one transaction."""

    wallet: Wallet
    happenings: list[Happening]
    now: datetime
    #: The version below which the next page begins; None where there is none.
    older: int | None
    is_newest: bool


@require_safe
@signed_in
def wallet(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show a page of a wallet's history, newest first."""
    seen = _read(request, shown_id)
    told = {"seen": seen, "now": seen.now, "link": pay_link(seen.wallet)}
    return render(request, "pages/wallet.html", told)


@require_safe
@signed_in
def transfer(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show the receipt of a transfer to its payer or its payee."""
    owner = person_of(request).owner
    try:
        with heart() as conn:
            found = wallets.receipt(conn, transfer_id=ids.read("tra", shown_id), owner=owner)
            now = db.now(conn)
    except (IdMalformed, TransferNotFound):
        raise Http404("There is no such transfer.") from None
    return render(request, "pages/transfer.html", {**_sides(found, owner), "now": now})


def pay_link(wallet: Wallet) -> str:
    """Return the address by which others send money to a wallet."""
    return f"{settings.TALLYSTICK.public_url.rstrip('/')}/pay/{ids.show('wal', wallet.id)}"


def happenings(conn: Connection, lines: list[Line], *, owner: str) -> list[Happening]:
    """Return entries with their words: what came from whom, and which page tells more."""
    paid = payments.of_owner(conn, owner=owner, limit=_PAYMENTS_MAX)
    by_posting = {payment.posting_id: payment.id for payment in paid}
    names = recipients.names_of([line.other_owner for line in lines])
    return [
        Happening(
            entry=line.entry,
            day=day,
            title=words.entry_title(
                line.entry.kind,
                who=names.get(line.other_owner or ""),
                is_incoming=line.entry.amount.minor > 0,
            ),
            note=line.note,
            payment_id=by_posting.get(line.entry.posting_id),
            transfer_id=line.entry.transfer_id if line.other_owner else None,
        )
        for line, day in zip(lines, days([line.entry for line in lines]), strict=True)
    ]


def days(entries: Sequence[Entry]) -> list[datetime]:
    """Return for each entry, newest first, a moment of the day under which it stands.

    That is the world's day, and never one before that of an older entry: news that came late
    keeps its place, which the running balance needs, and no day stands there twice.
    """
    latest = accumulate((entry.occurred_at for entry in reversed(entries)), max)
    return list(latest)[::-1]


def _read(request: HttpRequest, shown_id: str) -> Seen:
    owner = person_of(request).owner
    before = _version(request.GET.get("before", ""))
    try:
        with heart() as conn:
            found = wallets.get(conn, wallet_id=ids.read("wal", shown_id), owner=owner)
            lines = wallets.history(conn, wallet=found, limit=_SHOWN_MAX, before_version=before)
            last = lines[-1].entry.version if lines else 1
            return Seen(
                wallet=found,
                happenings=happenings(conn, lines, owner=owner),
                now=db.now(conn),
                older=last if last > 1 else None,
                is_newest=before is None,
            )
    except (IdMalformed, WalletNotFound):
        raise Http404("There is no such wallet.") from None


def _version(text: str) -> int | None:
    """Return where the page begins; anything that is no place is the beginning."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None  # noqa: PLR2004 - digits of a bigint


def _sides(found: Receipt, owner: str) -> dict[str, object]:
    """Return a receipt's words: the reader is You, the other one masked."""
    is_sent = found.payer == owner
    names = recipients.names_of([found.payer, found.payee])
    other = names[found.payee if is_sent else found.payer]
    return {
        "receipt": found,
        "is_sent": is_sent,
        "is_late": found.created_at - found.occurred_at > _LATE,
        "other": other,
        "payer": "You" if is_sent else other,
        "payee": other if is_sent else "You",
    }
