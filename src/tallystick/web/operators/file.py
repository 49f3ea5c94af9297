"""All of one payment as operators read it: calls, postings, refunds, in words. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick import db, ledger, wallets
from tallystick.db import Connection
from tallystick.money import Money
from tallystick.payments import File, Payment, PaymentState, Refund
from tallystick.wallets import Wallet
from tallystick.web.operators.names import account_title, names_of
from tallystick.web.operators.refunding import why_no_refund
from tallystick.web.pages import words
from tallystick.web.pages.payments import version
from tallystick.web.pages.words import Telling

__all__ = ["Booking", "Call", "Seen", "context", "named", "seen"]

#: What operators call a state that people are told about in other words.
_BADGES: Final = {
    PaymentState.CREATED: "Queued",
    PaymentState.SENDING: "Sending",
    PaymentState.UNKNOWN: "Unknown",
}
_OUTCOMES: Final = {"answered": "Answered", "refused": "Refused", "unknown": "No answer"}
_OPERATIONS: Final = {"collect": "Ask for the payment", "refund": "Ask for the refund"}
_MILLISECOND: Final = timedelta(milliseconds=1)
#: How far a refund is.
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


def named(payment: Payment, told: Telling) -> Telling:
    """Return what is told of a payment under the badge that operators know."""
    return replace(told, badge=_BADGES.get(payment.state, told.badge))


def seen(conn: Connection, file: File) -> Seen:
    """Return a payment's file with its wallet, its owner's name and its transfers."""
    payment = file.payment
    owner = names_of([payment.owner])[payment.owner]
    return Seen(
        file=file,
        wallet=wallets.get(conn, wallet_id=payment.wallet_id, owner=payment.owner),
        bookings=_bookings(conn, file, owner),
        owner=owner,
        now=db.now(conn),
    )


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
    named += [money.posting_id for money in file.collections]
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


def context(seen: Seen) -> dict[str, object]:
    """Return what the page of one payment shows."""
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
        "telling": named(file.payment, words.tell_file(file, now=seen.now)),
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
