"""`/operators/payments/{id}/refund`: how much and why, then what will happen, then the deed.

What was typed travels in the address, so that a step back or a reload asks the same again. The
form's own key makes a double click one refund. What is shown before is a hint: the deed decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tallystick import db, ids, observability, payments, wallets
from tallystick.errors import TallystickError
from tallystick.idempotency import IdempotencyError
from tallystick.ids import IdMalformed
from tallystick.ledger import LedgerError
from tallystick.money import CurrencyMismatch, Money
from tallystick.payments import Payment, PaymentError, PaymentNotFound, Reason, Refund
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.operators.access import operators_only
from tallystick.web.operators.forms import GiveBack
from tallystick.web.operators.names import names_of, possessive
from tallystick.web.pages.access import person_of
from tallystick.web.pages.words import REASONS, provider_name

__all__ = ["blank", "refund", "why_no_refund"]

_REFUSED: Final = (PaymentError, LedgerError, IdempotencyError, CurrencyMismatch)
#: Where the money goes back to, by provider.
_TARGETS: Final = {"stripe": "the card"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator is about to do, for the page that asks them once more."""

    payment: Payment
    wallet: Wallet
    owner: str
    amount: Money
    reason: str

    @property
    def target(self) -> str:
        """Return where the money goes."""
        return _TARGETS.get(self.payment.provider, "where it came from")

    @property
    def whose(self) -> str:
        """Return the owner's name as an owner's."""
        return possessive(self.owner)

    @property
    def stays(self) -> Money:
        """Return what of the payment does not go back."""
        return self.payment.left - self.amount

    @property
    def after(self) -> Money:
        """Return what the wallet would hold then, as things stand."""
        return self.wallet.available - self.amount


def why_no_refund(payment: Payment) -> str:
    """Return why a payment cannot be refunded, nothing where it can."""
    provider = house().providers.get(payment.provider)
    name = provider_name(payment.provider)
    if not payment.is_terminal:
        return "Nothing has come in yet."
    if not payment.is_paid:
        return (
            "It brought no money to the wallet, so nothing goes back from here. What waits in"
            f" suspense goes back at {name}, and is booked here by itself."
        )
    if not payment.left.minor:
        return "All of it has gone back, or is going back."
    if provider is None:
        return f"{name} is not joined here: set its keys."
    return "" if provider.capabilities.refund else f"{name} gives nothing back."


def blank(payment: Payment) -> GiveBack:
    """Return the form with all that is left, and a fresh key."""
    first = {"key": ids.new(), "amount": payment.left.major}
    return GiveBack(currency=payment.amount.currency, initial=first)


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def refund(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show the form; take it and say what will happen; then do it. 422 where it is wrong."""
    payment, wallet, owner = _read(shown_id)
    typed = request.POST if request.method == "POST" else request.GET
    if "amount" not in typed:
        return _page(request, payment, owner, blank(payment))
    form = GiveBack(data=typed, currency=payment.amount.currency)
    if not form.is_valid():
        return _page(request, payment, owner, form, status=422)
    try:
        if request.method == "POST":
            done = _give_back(request, payment, form)
            messages.success(request, f"{done.amount} is on its way back.")
            return redirect("operators_payment", shown_id)
        asked = _asked(payment, wallet, owner, form)
    except _REFUSED as refusal:
        form.renew_key()
        form.add_error(refusal.field if refusal.field in form.fields else None, _said(refusal))
        return _page(request, payment, owner, form, status=422)
    return render(request, "operators/refund_confirm.html", {"asked": asked, "form": form})


def _read(shown_id: str) -> tuple[Payment, Wallet, str]:
    try:
        with heart() as conn:
            found = payments.get(conn, payment_id=ids.read("pay", shown_id), owner=None)
            wallet = wallets.get(conn, wallet_id=found.wallet_id, owner=found.owner)
    except (IdMalformed, PaymentNotFound):
        raise Http404("There is no such payment.") from None
    return found, wallet, names_of([found.owner])[found.owner]


def _asked(payment: Payment, wallet: Wallet, owner: str, form: GiveBack) -> Asked:
    """Return what is about to happen; raise what the deed would, as things stand."""
    amount: Money = form.cleaned_data["amount"]
    payments.check_refund(payment, amount)
    if amount.minor > wallet.available.minor:
        raise payments.RefundNotCovered(
            f"{possessive(owner)} wallet holds {wallet.available}: less than is to go back.",
            available=wallet.available,
        )
    reason = REASONS[Reason(form.cleaned_data["reason"])]
    return Asked(payment, wallet, owner, amount, reason)


def _give_back(request: HttpRequest, payment: Payment, form: GiveBack) -> Refund:
    operator = person_of(request).owner
    with heart() as conn:
        return payments.refund(
            conn,
            payment_id=payment.id,
            amount=form.cleaned_data["amount"],
            reason=Reason(form.cleaned_data["reason"]),
            provider=house().provider(payment.provider),
            actor=operator,
            caller=operator,
            key=f"page-{form.cleaned_data['key']}",
            request_id=observability.request_id(),
            now=db.now(conn),
        )


def _said(refusal: TallystickError) -> str:
    if isinstance(refusal, payments.KeyReused):
        return "This form was sent before, with another amount or reason. Look at it again."
    return str(refusal)


def _page(
    request: HttpRequest, payment: Payment, owner: str, form: GiveBack, *, status: int = 200
) -> HttpResponse:
    told = {"payment": payment, "owner": owner, "form": form, "why_not": why_no_refund(payment)}
    return render(request, "operators/refund.html", told, status=status)
