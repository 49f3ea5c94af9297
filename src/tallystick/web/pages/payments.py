"""`/payments/{id}`: where a payment stands, fresh until it moves no more. Reads only.

Another person's payment looks as if it were not there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tallystick import db, ids, payments
from tallystick.ids import IdMalformed
from tallystick.payments import File, PaymentNotFound
from tallystick.web.database import heart
from tallystick.web.pages import words
from tallystick.web.pages.access import person_of, signed_in

__all__ = ["fragment", "payment", "version"]

_WAYS_BACK = frozenset({"success", "cancel"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment as the page shows it, read in one transaction."""

    file: File
    now: datetime
    #: How the person returned from the payment page: `success`, `cancel` or nothing.
    back: str
    #: Whether the person has just asked for it, and goes on to the payment page by themselves.
    go: bool

    @property
    def onward(self) -> str | None:
        """Return the payment page's address for somebody on their way there."""
        payment = self.file.payment
        is_open = not payment.is_terminal and payment.failure_code is None
        return payment.action_url if self.go and is_open else None


def version(file: File) -> str:
    """Return a text that changes when anything shown of a payment does."""
    moved = [file.payment.updated_at, *(refund.updated_at for refund in file.refunds)]
    counts = [len(file.steps), len(file.news), len(file.collections)]
    disputed = [dispute.state for dispute in file.disputes]
    tried = [attempt.ended_at for attempt in file.tries]
    answered = [review.resolved_at for review in file.reviews]
    shown = repr([file.payment.state, moved, counts, disputed, tried, answered])
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


@require_safe
@signed_in
def payment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show a payment. It never redirects: a form's way may not leave our site (form-action)."""
    return render(request, "pages/payment.html", _context(_read(request, shown_id)))


@require_safe
@signed_in
def fragment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Return what moves on the payment's page; 204 where the page shows it already.

    Somebody who has just asked for a payment is sent on to its page once that is ready.
    """
    seen = _read(request, shown_id)
    if seen.onward:
        return HttpResponse(headers={"HX-Redirect": seen.onward})
    if request.GET.get("seen") == version(seen.file):
        return HttpResponse(status=204)
    return render(request, "pages/payment/live.html", _context(seen))


def _read(request: HttpRequest, shown_id: str) -> Seen:
    back = request.GET.get("back", "")
    back = back if back in _WAYS_BACK else ""
    try:
        payment_id = ids.read("pay", shown_id)
        with heart() as conn:
            return Seen(
                file=payments.file(conn, payment_id=payment_id, owner=person_of(request).owner),
                now=db.now(conn),
                back=back,
                go="go" in request.GET and not back,
            )
    except (IdMalformed, PaymentNotFound):
        raise Http404("There is no such payment.") from None


def _context(seen: Seen) -> dict[str, object]:
    file = seen.file
    return {
        "payment": file.payment,
        "now": seen.now,
        "back": seen.back,
        "go": seen.go,
        "version": version(file),
        "is_over": words.is_over(file),
        "telling": words.tell_file(file, now=seen.now, back=seen.back),
        "stations": words.stations(file, now=seen.now, back=seen.back),
        "provider_name": words.provider_name(file.payment.provider),
    }
