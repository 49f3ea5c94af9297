"""`/payments/{id}`: where a payment stands, fresh until it moves no more. Reads only.

Another person's payment looks as if it were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tallystick import db, ids, payments
from tallystick.ids import IdMalformed
from tallystick.payments import Payment, PaymentNotFound, Step
from tallystick.web.database import heart
from tallystick.web.pages import words
from tallystick.web.pages.access import person_of, signed_in

__all__ = ["fragment", "payment"]

_WAYS_BACK = frozenset({"success", "cancel"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment as the page shows it, read in one transaction."""

    payment: Payment
    steps: list[Step]
    now: datetime
    #: How the person returned from the payment page: `success`, `cancel` or nothing.
    back: str
    #: Whether the person has just asked for it, and goes on to the payment page by themselves.
    go: bool

    @property
    def version(self) -> str:
        """Return a text that changes when anything shown does."""
        return f"{self.payment.state}-{self.payment.updated_at:%Y%m%d%H%M%S%f}"

    @property
    def onward(self) -> str | None:
        """Return the payment page's address for somebody on their way there."""
        is_open = not self.payment.is_terminal and self.payment.failure_code is None
        return self.payment.action_url if self.go and is_open else None


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
    if request.GET.get("seen") == seen.version:
        return HttpResponse(status=204)
    return render(request, "pages/payment/live.html", _context(seen))


def _read(request: HttpRequest, shown_id: str) -> Seen:
    back = request.GET.get("back", "")
    back = back if back in _WAYS_BACK else ""
    try:
        payment_id = ids.read("pay", shown_id)
        with heart() as conn:
            return Seen(
                payment=payments.get(conn, payment_id=payment_id, owner=person_of(request).owner),
                steps=payments.steps(conn, payment_id=payment_id),
                now=db.now(conn),
                back=back,
                go="go" in request.GET and not back,
            )
    except (IdMalformed, PaymentNotFound):
        raise Http404("There is no such payment.") from None


def _context(seen: Seen) -> dict[str, object]:
    return {
        "payment": seen.payment,
        "now": seen.now,
        "back": seen.back,
        "go": seen.go,
        "version": seen.version,
        "telling": words.tell(seen.payment, back=seen.back),
        "stations": words.stations(seen.payment, seen.steps, back=seen.back),
        "provider_name": words.provider_name(seen.payment.provider),
    }
