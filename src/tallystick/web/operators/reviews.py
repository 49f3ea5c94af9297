"""`/operators/reviews`: questions about money, and the answers of operators.

An answer moves no money: whoever answers does first what is to be done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from tallystick import db, ids, payments
from tallystick.ids import IdMalformed
from tallystick.payments import ReasonMissing, Review, ReviewNotFound, ReviewResolved
from tallystick.web.database import heart
from tallystick.web.operators.access import operators_only
from tallystick.web.operators.forms import REASON_MAX
from tallystick.web.operators.names import names_of
from tallystick.web.pages.access import person_of
from tallystick.web.pages.words import provider_name

__all__ = ["listing", "resolve"]

_SHOWN_MAX: Final = 25
_KINDS: Final = {
    "payment_unknown": "What became of a payment?",
    "refund_unknown": "What became of a refund?",
    "dispute": "A bank disputes a payment",
    "paid_late": "Money came late",
    "paid_twice": "Money came twice",
    "paid_other_amount": "Another amount came than was asked for",
    "paid_unclaimed": "Money of nobody came",
    "paid_unbookable": "Money came for a closed wallet",
    "refund_unasked": "A refund was made at the provider",
    "refund_late": "A refund was made after it had ended",
    "refund_returned": "A refund came back",
    "refund_other_amount": "Another amount went back than was asked for",
    "refund_unbookable": "A refund of a closed wallet",
    "refund_unclaimed": "A refund of money that nobody claimed",
    "dispute_unbookable": "A dispute won for a closed wallet",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A review in the list."""

    review: Review
    title: str
    provider: str
    #: Who answered, by name.
    by: str
    #: What is wrong with the answer that was just given, and that answer.
    error: str = ""
    typed: str = ""


@require_safe
@operators_only
def listing(request: HttpRequest) -> HttpResponse:
    """List what waits for an answer, or with `state=resolved` what was answered; newest first."""
    return _page(request, is_open=request.GET.get("state") != "resolved")


@require_POST
@operators_only
def resolve(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Keep an answer, and show what is left. 422 where there is none."""
    reason = request.POST.get("reason", "")
    try:
        review_id = ids.read("rev", shown_id)
        with heart() as conn:
            payments.resolve(
                conn,
                review_id=review_id,
                by=person_of(request).owner,
                reason=reason,
                now=db.now(conn),
            )
    except (IdMalformed, ReviewNotFound):
        raise Http404("There is no such review.") from None
    except ReviewResolved:
        messages.warning(request, "Somebody has answered this already: see below.")
        return redirect(f"{reverse('operators_reviews')}?state=resolved")
    except ReasonMissing as refusal:
        return _page(request, is_open=True, wrong=(review_id, str(refusal), reason), status=422)
    messages.success(request, "Your answer is kept.")
    return redirect("operators_reviews")


def _page(
    request: HttpRequest,
    *,
    is_open: bool,
    wrong: tuple[UUID, str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    with heart() as conn:
        before = _cursor(request.GET.get("before", ""))
        # One more than is shown tells whether something follows.
        found = payments.reviews(conn, is_open=is_open, limit=_SHOWN_MAX + 1, before=before)
        now = db.now(conn)
    items, rest = found[:_SHOWN_MAX], found[_SHOWN_MAX:]
    names = names_of(review.resolved_by for review in items)
    told = {
        "rows": [_row(review, names, wrong) for review in items],
        "older": items[-1].id if rest else None,
        "is_open": is_open,
        "is_newest": before is None,
        "reason_max": REASON_MAX,
        "now": now,
    }
    return render(request, "operators/reviews.html", told, status=status)


def _row(review: Review, names: dict[str, str], wrong: tuple[UUID, str, str] | None) -> Row:
    title = _KINDS.get(review.kind, review.kind.replace("_", " ").capitalize())
    row = Row(
        review, title, provider_name(review.provider), names.get(review.resolved_by or "", "")
    )
    if wrong is None or wrong[0] != review.id:
        return row
    return Row(row.review, row.title, row.provider, row.by, error=wrong[1], typed=wrong[2])


def _cursor(text: str) -> UUID | None:
    """Return where the page begins; anything that is no place is the beginning."""
    try:
        return ids.read("rev", text)
    except IdMalformed:
        return None
