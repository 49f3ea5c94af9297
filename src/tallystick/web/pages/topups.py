"""`/top-up`: a person asks for a payment into their wallet.

The form carries a key of its own, so that a double click or a resent form is one payment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from tallystick import db, ids, observability, payments, wallets
from tallystick.money import Money, MoneyMalformed
from tallystick.payments import (
    AmountOutOfRange,
    AmountRange,
    CurrencyUnsupported,
    KeyReused,
    Payment,
    Provider,
)
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.pages.access import person_of, signed_in
from tallystick.web.pages.forms import TopUp
from tallystick.web.pages.words import provider_name

__all__ = ["top_up"]

#: Minor units that people often top up, by currency.
_QUICK: Final = {
    "KES": (50_000, 100_000, 250_000, 500_000),
    "USD": (1_000, 2_500, 5_000, 10_000),
    "EUR": (1_000, 2_500, 5_000, 10_000),
    "GBP": (1_000, 2_500, 5_000, 10_000),
    "JPY": (1_000, 3_000, 5_000, 10_000),
    "UGX": (20_000, 50_000, 100_000, 200_000),
}
_USED: Final = "This form was sent before, with another amount. Look at it again, then send it."


@dataclass(frozen=True, slots=True)
class Way:
    """A way to pay into this wallet."""

    wallet: Wallet
    provider: Provider
    limits: AmountRange

    @property
    def provider_name(self) -> str:
        """Return the provider as people know it."""
        return provider_name(self.provider.name)

    @property
    def quick(self) -> list[Money]:
        """Return amounts to pick from."""
        currency = self.wallet.currency
        return [Money(minor, currency) for minor in _QUICK.get(currency.code, ())]


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def top_up(request: HttpRequest) -> HttpResponse:
    """Show the form; take it, make the payment, and go to its page. 422 where it is wrong."""
    way = _way(person_of(request).owner)
    if way is None:
        _say_what_lacks(request)
        return render(request, "pages/top_up_closed.html", status=200)
    if request.method != "POST":
        first = {"key": ids.new(), "amount": _asked_before(request, way)}
        return _page(request, way, _form(way, initial=first))
    form = _form(way, data=request.POST)
    if not form.is_valid():
        return _page(request, way, form, status=422)
    try:
        payment = _create(request, way, form)
    except (AmountOutOfRange, CurrencyUnsupported) as refusal:
        form.add_error("amount", str(refusal))
    except KeyReused:
        form.add_error(None, _USED)
        form.renew_key()
    else:
        return redirect(f"{reverse('payment', args=[ids.show('pay', payment.id)])}?go=1")
    return _page(request, way, form, status=422)


def _way(owner: str) -> Way | None:
    with heart() as conn:
        owned = wallets.of_owner(conn, owner=owner)
    for wallet in owned:
        for provider in house().providers.values():
            limits = provider.capabilities.collect.get(wallet.currency.code)
            if limits is not None:
                return Way(wallet, provider, limits)
    return None


def _say_what_lacks(request: HttpRequest) -> None:
    """Tell the person whose currency none of the joined providers takes that it is so."""
    providers = [provider_name(name) for name in house().providers]
    with heart() as conn:
        codes = [
            one.currency.code for one in wallets.of_owner(conn, owner=person_of(request).owner)
        ]
    if providers and codes:
        messages.warning(
            request,
            f"{' or '.join(codes)}, the currency of your wallet, is not taken by"
            f" {' or '.join(providers)}. It can be topped up once another provider is set up.",
        )


def _create(request: HttpRequest, way: Way, form: TopUp) -> Payment:
    owner = person_of(request).owner
    with heart() as conn:
        return payments.create(
            conn,
            owner=owner,
            wallet_id=way.wallet.id,
            amount=form.cleaned_data["amount"],
            provider=way.provider,
            caller=owner,
            key=f"page-{form.cleaned_data['key']}",
            request_id=observability.request_id(),
            now=db.now(conn),
        )


def _form(way: Way, **given: object) -> TopUp:
    return TopUp(currency=way.wallet.currency, limits=way.limits, **given)


def _page(request: HttpRequest, way: Way, form: TopUp, *, status: int = 200) -> HttpResponse:
    return render(request, "pages/top_up.html", {"form": form, "way": way}, status=status)


def _asked_before(request: HttpRequest, way: Way) -> str:
    """Return the amount that a `try again` brings along, if it is one."""
    try:
        return Money.parse_major(request.GET.get("amount", ""), way.wallet.currency).major
    except MoneyMalformed:
        return ""
