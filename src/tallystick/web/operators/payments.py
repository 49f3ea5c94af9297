"""`/operators/payments` and `/operators/payments/{id}`: everybody's payments, and all of one.

Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from tallystick import db, ids, payments
from tallystick.db import Connection
from tallystick.ids import IdMalformed
from tallystick.payments import File, Payment, PaymentNotFound, PaymentState
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.operators.access import operators_only
from tallystick.web.operators.file import context, named, seen
from tallystick.web.operators.names import names_of
from tallystick.web.operators.refunding import blank as blank_refund
from tallystick.web.operators.refunding import why_no_refund
from tallystick.web.pages import words
from tallystick.web.pages.payments import version
from tallystick.web.pages.words import Telling

__all__ = ["fragment", "listing", "payment"]

_SHOWN_MAX: Final = 25
_SOUGHT_MAX: Final = 200
#: The states that are picked by a word, in the order in which they want a look.
_FILTERS: Final = (
    ("", "All"),
    (PaymentState.UNKNOWN.value, "Unknown"),
    (PaymentState.REVIEW.value, "In review"),
    (PaymentState.CREATED.value, "Queued"),
    (PaymentState.SUBMITTED.value, "To be paid"),
    (PaymentState.SETTLED.value, "Paid"),
    (PaymentState.FAILED.value, "Refused"),
    (PaymentState.EXPIRED.value, "Ran out"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A payment in the list."""

    payment: Payment
    telling: Telling
    owner: str


@require_safe
@operators_only
def listing(request: HttpRequest) -> HttpResponse:
    """List everybody's payments, newest first; in one state, or those that a number leads to."""
    sought = request.GET.get("q", "").strip()[:_SOUGHT_MAX]
    state = request.GET.get("state", "")
    state = state if state in {one.value for one in PaymentState} else ""
    with heart() as conn:
        found = _sought(conn, sought) if sought else _page(conn, state, request.GET.get("before"))
        now = db.now(conn)
    if sought and len(found) == 1:
        return redirect("operators_payment", ids.show("pay", found[0].id))
    items, rest = found[:_SHOWN_MAX], found[_SHOWN_MAX:]
    names = names_of(one.owner for one in items)
    told = {
        "rows": [Row(one, named(one, words.tell(one)), names[one.owner]) for one in items],
        "older": items[-1].id if rest and not sought else None,
        "filters": _FILTERS,
        "state": state,
        "sought": sought,
        "is_newest": "before" not in request.GET,
        "now": now,
    }
    return render(request, "operators/payments.html", told)


@require_safe
@operators_only
def payment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show all of a payment, and the form that refunds it."""
    with heart() as conn:
        whole = seen(conn, _file(conn, shown_id))
    found = whole.file.payment
    form = None if why_no_refund(found) else blank_refund(found)
    return render(request, "operators/payment.html", {**context(whole), "form": form})


@require_safe
@operators_only
def fragment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Return what moves on the payment's page; 204 where the page shows it already."""
    with heart() as conn:
        file = _file(conn, shown_id)
        if request.GET.get("seen") == version(file):
            return HttpResponse(status=204)
        whole = seen(conn, file)
    return render(request, "operators/payment_live.html", context(whole))


def _page(conn: Connection, state: str, before: str | None) -> list[Payment]:
    wanted = PaymentState(state) if state else None
    # One more than is shown tells whether something follows.
    return payments.newest(conn, state=wanted, limit=_SHOWN_MAX + 1, before=_cursor(before))


def _sought(conn: Connection, text: str) -> list[Payment]:
    """Return the payments that a number of ours, or a provider's, leads to."""
    try:
        return [payments.get(conn, payment_id=ids.read("pay", text), owner=None)]
    except PaymentNotFound:
        return []
    except IdMalformed:
        if not db.is_text(text):
            return []
        providers = list(house().providers)
        return payments.named_there(conn, reference=text, providers=providers, limit=_SHOWN_MAX)


def _cursor(text: str | None) -> UUID | None:
    """Return where the page begins; anything that is no place is the beginning."""
    try:
        return ids.read("pay", text or "")
    except IdMalformed:
        return None


def _file(conn: Connection, shown_id: str) -> File:
    try:
        return payments.file(conn, payment_id=ids.read("pay", shown_id), owner=None)
    except (IdMalformed, PaymentNotFound):
        raise Http404("There is no such payment.") from None
