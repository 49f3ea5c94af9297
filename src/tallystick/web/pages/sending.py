"""`/send`: a person sends money: whom and how much, then who that is, then the receipt.

The session keeps what was asked under the transfer's key, so that a double click, a resent form
or a step back is one transfer. What is shown before is a hint: the deed decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from tallystick import db, idempotency, ids, observability, wallets
from tallystick.errors import TallystickError
from tallystick.ids import IdMalformed
from tallystick.ledger import LedgerError, WriterError
from tallystick.money import CurrencyMismatch, Money
from tallystick.wallets import NoCover, SelfTransfer, Wallet, WalletError
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
    wallet = _wallet(request)
    if wallet is None:
        return render(request, "pages/send/closed.html")
    if request.method != "POST":
        first = {"key": ids.new(), "to": request.GET.get("to", "")[:320]}
        return _page(request, wallet, _form(wallet, initial=first))
    form = _form(wallet, data=request.POST)
    if not form.is_valid():
        return _page(request, wallet, form, status=422)
    try:
        key = _remember(request, wallet, form)
    except (RecipientUnknown, SelfTransfer, LookupsSpent) as refusal:
        form.add_error("to", str(refusal))
    except NoCover as refusal:
        form.add_error("amount", str(refusal))
    else:
        return redirect(f"{reverse('send_confirm')}?key={key}")
    return _page(request, wallet, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def confirm(request: HttpRequest) -> HttpResponse:
    """Ask once more; then move the money and go to the receipt, or say why not. 422 then."""
    key = request.POST.get("key") or request.GET.get("key", "")
    asked = _remembered(request, key)
    if asked is None:
        return redirect("send")
    if request.method != "POST":
        return render(request, "pages/send/confirm.html", {"asked": asked, "key": key})
    owner = person_of(request).owner
    try:
        with heart() as conn:
            intent = wallets.intend(
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
        done = intent.read(house().writer.execute(intent.deed))
    except _REFUSED as refusal:
        return _refused(request, asked, refusal)
    return redirect("transfer", ids.show("tra", done.id))


def _refused(request: HttpRequest, asked: Asked, refusal: TallystickError) -> HttpResponse:
    """Show the form again with the reason."""
    typed = {"to": asked.typed, "amount": asked.amount.major, "note": asked.note}
    form = _form(asked.wallet, data={**typed, "key": str(ids.new())})
    field = refusal.field if refusal.field in form.fields else None
    form.add_error(field, str(refusal))
    return _page(request, asked.wallet, form, status=422)


def _remember(request: HttpRequest, wallet: Wallet, form: Send) -> str:
    """Find out who is meant, keep it in the session, and return the key of the transfer to be.

    The look at the balance is a hint: the deed decides.
    """
    amount: Money = form.cleaned_data["amount"]
    if amount.minor > wallet.available.minor:
        raise NoCover(wallet.available)
    found = recipients.find(request, form.cleaned_data["to"], currency=wallet.currency)
    if found.wallet_id == wallet.id:
        raise SelfTransfer("This is your own wallet: choose somebody else.")
    key = str(ids.new())
    kept = {
        "from": str(wallet.id),
        "payee": str(found.wallet_id),
        "name": found.name,
        "typed": form.cleaned_data["to"],
        "amount": amount.minor,
        "note": form.cleaned_data["note"],
    }
    earlier = list(request.session.get(_ASKED, {}).items())
    request.session[_ASKED] = dict([*earlier[1 - _ASKED_MAX :], (key, kept)])
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


def _wallet(request: HttpRequest) -> Wallet | None:
    """Return the wallet that the person sends from: the one they named, else their first."""
    named = request.POST.get("from") or request.GET.get("from", "")
    with heart() as conn:
        owned = wallets.of_owner(conn, owner=person_of(request).owner)
    try:
        wanted = ids.read("wal", named)
    except IdMalformed:
        wanted = None
    return next((wallet for wallet in owned if wallet.id == wanted), owned[0] if owned else None)


def _form(wallet: Wallet, **given: object) -> Send:
    return Send(currency=wallet.currency, **given)


def _page(request: HttpRequest, wallet: Wallet, form: Send, *, status: int = 200) -> HttpResponse:
    words = {"form": form, "wallet": wallet}
    return render(request, "pages/send/form.html", words, status=status)
