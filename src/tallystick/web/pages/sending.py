"""`/send`: a person sends money: whom and how much, then who that is, then the receipt.

The session keeps what was asked under the transfer's key, so that a double click, a resent form
or a step back is one transfer. What is shown before is a hint: the deed decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from tallystick import db, idempotency, ids, observability, wallets
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.ledger import LedgerError, WriterError
from tallystick.money import Currency, CurrencyMismatch, Money
from tallystick.wallets import Intent, NoCover, SelfTransfer, Wallet, WalletError
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.pages.access import person_of, signed_in
from tallystick.web.pages.forms import Send
from tallystick.web.people import recipients
from tallystick.web.people.recipients import LookupsSpent, RecipientUnknown

__all__ = ["confirm", "pay_link", "send"]

#: Where the session keeps what a person is about to send, and how many of them.
_ASKED: Final = "send"
_ASKED_MAX: Final = 5
_REFUSED: Final = (
    WalletError,
    LedgerError,
    WriterError,
    CurrencyMismatch,
    idempotency.IdempotencyError,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person is about to do, for the page that asks them once more."""

    wallet: Wallet
    payee: UUID
    #: The recipient's name as others may see it, and what the person typed.
    name: str
    typed: str
    amount: Money
    note: str

    @property
    def after(self) -> Money:
        """Return the balance that would be left, as things stand."""
        return self.wallet.available - self.amount


@require_safe
@signed_in
def pay_link(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Bring whoever follows a wallet's link to the form, with the recipient filled in."""
    del request
    return redirect(f"{reverse('send')}?to={shown_id}")


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def send(request: HttpRequest) -> HttpResponse:
    """Show the form; take it, and ask once more who and how much. 422 where it is wrong."""
    owned, wallet = _wallets(request)
    if wallet is None:
        return render(request, "pages/send/closed.html")
    page = partial(_page, request, owned, wallet)
    if request.method != "POST":
        first = {"key": ids.new(), "to": request.GET.get("to", "")[:320]}
        return page(_form(wallet, initial=first))
    form = _form(wallet, data=request.POST)
    if not form.is_valid():
        return page(form, status=422)
    try:
        key = _remember(request, wallet, form)
    except (RecipientUnknown, SelfTransfer, LookupsSpent) as refusal:
        form.add_error("to", str(refusal))
    except NoCover as refusal:
        form.add_error("amount", str(refusal))
    else:
        return redirect(f"{reverse('send_confirm')}?key={key}")
    return page(form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask once more; then move the money and go to the receipt, or say why not. 422 then."""
    key = request.POST.get("key") or request.GET.get("key", "")
    asked = _remembered(request, key)
    if asked is None:
        messages.warning(request, "This question is no longer open. Say again whom and how much.")
        return redirect("send")
    try:
        with heart() as conn:
            intent = _intent(conn, person_of(request).owner, asked, key)
            done = intent.find(conn)
        if done is None and request.method != "POST":
            return render(request, "pages/send/confirm.html", {"asked": asked, "key": key})
        done = done or intent.read(house().writer.execute(intent.deed))
    except _REFUSED as refusal:
        return _refused(request, asked, refusal)
    return redirect("transfer", ids.show("tra", done.id))


def _intent(conn: Connection, owner: str, asked: Asked, key: str) -> Intent:
    """Return the transfer that was asked for, under its form's key."""
    return wallets.intend(
        conn,
        actor=owner,
        owner=owner,
        from_wallet=asked.wallet.id,
        to_wallet=asked.payee,
        amount=asked.amount,
        note=asked.note,
        request_id=observability.request_id(),
        now=db.now(conn),
    ).once(caller=owner, key=f"page-{key}")


def _refused(request: HttpRequest, asked: Asked, refusal: TallystickError) -> HttpResponse:
    """Show the form again with the reason."""
    typed = {"to": asked.typed, "amount": asked.amount.major, "note": asked.note}
    form = _form(asked.wallet, data={**typed, "key": str(ids.new())})
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, str(refusal))
    owned, _ = _wallets(request)
    return _page(request, owned, asked.wallet, form, status=422)


def _remember(request: HttpRequest, wallet: Wallet, form: Send) -> str:
    """Find out who is meant, keep it in the session, and return the key of the transfer to be.

    The look at the balance is a hint: the deed decides.
    """
    amount: Money = form.cleaned_data["amount"]
    if amount.minor > wallet.available.minor:
        raise NoCover(wallet.available)
    found = recipients.find(
        request,
        form.cleaned_data["to"],
        caller=person_of(request).owner,
        currency=wallet.currency,
    )
    if found.wallet_id == wallet.id:
        raise SelfTransfer("This is your own wallet: choose somebody else.")
    kept = {
        "from": str(wallet.id),
        "payee": str(found.wallet_id),
        "name": found.name,
        "typed": form.cleaned_data["to"],
        "amount": amount.minor,
        "note": form.cleaned_data["note"],
    }
    earlier = dict(request.session.get(_ASKED, {}))
    key = str(form.cleaned_data["key"])
    if earlier.pop(key, kept) != kept:
        # Sent again with another wish, after a step back: that is another transfer.
        key = str(ids.new())
    request.session[_ASKED] = dict([*list(earlier.items())[1 - _ASKED_MAX :], (key, kept)])
    return key


def _remembered(request: HttpRequest, key: str) -> Asked | None:
    """Return what the session keeps under the key, with the wallet as it stands."""
    kept = request.session.get(_ASKED, {}).get(key)
    if kept is None:
        return None
    with heart() as conn:
        owner = person_of(request).owner
        wallet = wallets.get(conn, wallet_id=UUID(kept["from"]), owner=owner)
    return Asked(
        wallet=wallet,
        payee=UUID(kept["payee"]),
        name=kept["name"],
        typed=kept["typed"],
        amount=Money(kept["amount"], wallet.currency),
        note=kept["note"],
    )


def _wallets(request: HttpRequest) -> tuple[list[Wallet], Wallet | None]:
    """Return the person's wallets, and the one that they send from.

    That is the one they named, else one in the currency of the wallet they pay, else their first.
    """
    named = request.POST.get("from") or request.GET.get("from", "")
    payee_id = recipients.wallet_named(request.GET.get("to", "")[:320])
    with heart() as conn:
        owned = wallets.of_owner(conn, owner=person_of(request).owner)
        currency = _currency_of(conn, payee_id)
    wanted = [wallet for wallet in owned if ids.show("wal", wallet.id) == named]
    fitting = [wallet for wallet in owned if wallet.currency == currency]
    return owned, next(iter([*wanted, *fitting, *owned]), None)


def _currency_of(conn: Connection, payee_id: UUID | None) -> Currency | None:
    if payee_id is None:
        return None
    try:
        return wallets.payee(conn, wallet_id=payee_id).currency
    except WalletError:
        return None


def _form(wallet: Wallet, **given: object) -> Send:
    return Send(currency=wallet.currency, **given)


def _page(
    request: HttpRequest, owned: list[Wallet], wallet: Wallet, form: Send, *, status: int = 200
) -> HttpResponse:
    words = {"form": form, "wallet": wallet, "wallets": owned}
    return render(request, "pages/send/form.html", words, status=status)
