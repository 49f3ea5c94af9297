"""`/operators/payments` and `/operators/payments/{id}`: everybody's payments, and all of one.

Reads only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from tallystick import db, ids, ledger, payments, wallets
from tallystick.db import Connection
from tallystick.ids import IdMalformed
from tallystick.money import Money
from tallystick.payments import File, Payment, PaymentNotFound, PaymentState, Refund
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.operators.access import operators_only
from tallystick.web.operators.names import account_title, names_of
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
#: What operators call a state that people are told about in other words.
_BADGES: Final = {
    PaymentState.CREATED: "Queued",
    PaymentState.SENDING: "Sending",
    PaymentState.UNKNOWN: "Unknown",
}
_OUTCOMES: Final = {"answered": "Answered", "refused": "Refused", "unknown": "No answer"}
_OPERATIONS: Final = {"collect": "Ask for the payment", "refund": "Ask for the refund"}
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Row:
    """A payment in the list."""

    payment: Payment
    telling: Telling
    owner: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a provider."""

    title: str
    number: int
    started_at: datetime
    took: str
    outcome: str
    tone: str
    refund_id: UUID | None


@dataclass(frozen=True, slots=True)
class Booking:
    """One transfer of a posting: what left where, and came where."""

    kind: str
    debit: str
    credit: str
    amount: Money
    at: datetime
    posting_id: UUID
    #: Whether it begins another posting than the one before it.
    is_first: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment with all that belongs to it, read in one transaction."""

    file: File
    wallet: Wallet
    bookings: list[Booking]
    owner: str
    now: datetime


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
        "rows": [Row(one, _named(one, words.tell(one)), names[one.owner]) for one in items],
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
    seen = _read(shown_id)
    form = None if why_no_refund(seen.file.payment) else blank_refund(seen.file.payment)
    return render(request, "operators/payment.html", {**_context(seen), "form": form})


@require_safe
@operators_only
def fragment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Return what moves on the payment's page; 204 where the page shows it already."""
    seen = _read(shown_id)
    if request.GET.get("seen") == version(seen.file):
        return HttpResponse(status=204)
    return render(request, "operators/payment_live.html", _context(seen))


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


def _named(payment: Payment, told: Telling) -> Telling:
    return replace(told, badge=_BADGES.get(payment.state, told.badge))


def _cursor(text: str | None) -> UUID | None:
    """Return where the page begins; anything that is no place is the beginning."""
    try:
        return ids.read("pay", text or "")
    except IdMalformed:
        return None


def _read(shown_id: str) -> Seen:
    try:
        with heart() as conn:
            payment_id = ids.read("pay", shown_id)
            file = payments.file(conn, payment_id=payment_id, owner=None)
            owner = names_of([file.payment.owner])[file.payment.owner]
            return Seen(
                file=file,
                wallet=wallets.get(
                    conn, wallet_id=file.payment.wallet_id, owner=file.payment.owner
                ),
                bookings=_bookings(conn, file, owner),
                owner=owner,
                now=db.now(conn),
            )
    except (IdMalformed, PaymentNotFound):
        raise Http404("There is no such payment.") from None


def _bookings(conn: Connection, file: File, owner: str) -> list[Booking]:
    """Return every transfer that the payment, its refunds, disputes and news have made."""
    postings = _postings(file)
    moved = [one for posting in postings for one in ledger.transfers(conn, posting_id=posting)]
    sides = {side for one in moved for side in (one.debit_id, one.credit_id)}
    paths = ledger.paths(conn, account_ids=sides)
    firsts = {one.posting_id: one.id for one in reversed(moved)}
    currency = file.payment.amount.currency
    return [
        Booking(
            words.entry_title(one.kind),
            account_title(paths[one.debit_id], whose=owner),
            account_title(paths[one.credit_id], whose=owner),
            Money(one.amount, currency),
            one.created_at,
            one.posting_id,
            is_first=firsts[one.posting_id] == one.id,
        )
        for one in moved
    ]


def _postings(file: File) -> list[UUID]:
    """Return the postings of all that a payment's file holds, the oldest first."""
    named = [file.payment.posting_id]
    for refund in file.refunds:
        named += [refund.held_posting_id, refund.posting_id, refund.released_posting_id]
    for dispute in file.disputes:
        named += [dispute.withdrawn_posting_id, dispute.reinstated_posting_id]
    named += [news.posting_id for news in file.news]
    return sorted({one for one in named if one is not None})


def _calls(file: File) -> list[Call]:
    tones = {"answered": "good", "refused": "bad", "unknown": "wait"}
    return [
        Call(
            _OPERATIONS.get(one.operation, one.operation),
            one.number,
            one.started_at,
            _took(one.started_at, one.ended_at),
            _OUTCOMES.get(one.outcome or "", "Open"),
            tones.get(one.outcome or "", "act"),
            one.refund_id,
        )
        for one in file.tries
    ]


def _took(start: datetime, end: datetime | None) -> str:
    return "" if end is None else f"{(end - start) // _MILLISECOND:,} ms"


def _context(seen: Seen) -> dict[str, object]:
    file = seen.file
    names = names_of([*(one.actor for one in file.refunds), *_resolvers(file)])
    return {
        "file": file,
        "payment": file.payment,
        "wallet": seen.wallet,
        "owner": seen.owner,
        "names": names,
        "now": seen.now,
        "version": version(file),
        "is_over": words.is_over(file),
        "telling": _named(file.payment, words.tell_file(file, now=seen.now)),
        "stations": words.stations(file, now=seen.now),
        "provider_name": words.provider_name(file.payment.provider),
        "calls": _calls(file),
        "bookings": seen.bookings,
        "refunds": [_refund_row(one, names) for one in file.refunds],
        "no_refund": why_no_refund(file.payment),
    }


def _refund_row(refund: Refund, names: dict[str, str]) -> dict[str, object]:
    told = _REFUNDS[refund.state]
    return {
        "refund": refund,
        "badge": told[0],
        "tone": told[1],
        "reason": words.REASONS[refund.reason],
        "by": names.get(refund.actor, refund.actor),
    }


def _resolvers(file: File) -> list[str | None]:
    return [review.resolved_by for review in file.reviews]


_REFUNDS: Final = {
    PaymentState.AWAITING_APPROVAL: ("Waiting", "wait"),
    PaymentState.CREATED: ("Queued", "wait"),
    PaymentState.SENDING: ("Sending", "wait"),
    PaymentState.SUBMITTED: ("On its way", "wait"),
    PaymentState.UNKNOWN: ("Unknown", "wait"),
    PaymentState.REVIEW: ("In review", "wait"),
    PaymentState.SETTLED: ("Gone back", "good"),
    PaymentState.FAILED: ("Refused", "bad"),
    PaymentState.EXPIRED: ("Not sent", "calm"),
    PaymentState.CANCELLED: ("Cancelled", "calm"),
    PaymentState.DECLINED: ("Declined", "bad"),
}
