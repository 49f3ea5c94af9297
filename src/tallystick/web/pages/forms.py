"""The pages' forms: they read what a person typed, and leave the deciding to the rooms."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from tallystick import ids
from tallystick.money import Currency, Money, MoneyMalformed
from tallystick.payments import AmountOutOfRange, AmountRange
from tallystick.wallets import NOTE_MAX, NoteMalformed, readable_note

__all__ = ["AmountForm", "Send", "TopUp"]

_AMOUNT_MAX: Final = 30
_LATIN_MINUS: Final = ("-", "−", "–")


class AmountForm(forms.Form):
    """An amount in one currency, and the key that makes a second click the same deed."""

    amount = forms.CharField(
        label="Amount",
        max_length=_AMOUNT_MAX,
        error_messages={
            "required": "Type an amount.",
            "max_length": "This is longer than any amount.",
        },
        widget=forms.TextInput(
            {"inputmode": "decimal", "autocomplete": "off", "data-amount-field": True}
        ),
    )
    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, currency: Currency, **kwargs: Any) -> None:
        """Read amounts of this currency."""
        super().__init__(*args, **kwargs)
        self._currency = currency

    def clean_amount(self) -> Money:
        """Return the amount; raise ValidationError with the sentence of the room that refuses."""
        typed = self.cleaned_data["amount"].replace("\N{NO-BREAK SPACE}", " ").strip()
        typed = typed.removeprefix(self._currency.code).strip()
        if typed.startswith(_LATIN_MINUS):
            raise ValidationError("Type an amount above 0.", code="amount_negative")
        try:
            amount = Money.parse_major(typed.replace(" ", ""), self._currency)
        except MoneyMalformed as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from None
        if amount.minor == 0:
            raise ValidationError("Type an amount above 0.", code=AmountOutOfRange.code)
        return amount

    def renew_key(self) -> None:
        """Give the form a fresh key, so that what is sent next is a new deed."""
        self.data = {**dict(self.data.items()), self.add_prefix("key"): str(ids.new())}


class TopUp(AmountForm):
    """How much a person brings in."""

    def __init__(self, *args: Any, currency: Currency, limits: AmountRange, **kwargs: Any) -> None:
        """Say what the provider takes."""
        super().__init__(*args, currency=currency, **kwargs)
        least, greatest = Money(limits.least, currency), Money(limits.greatest, currency)
        self.fields["amount"].help_text = f"From {least} to {greatest}."


class Send(AmountForm):
    """Who gets how much, and a line about it."""

    to = forms.CharField(
        label="To whom?",
        max_length=320,
        help_text="Their handle, their e-mail address, or the link of their wallet.",
        error_messages={
            "required": "Say who gets the money.",
            "max_length": "This is longer than any handle, address or link.",
        },
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    note = forms.CharField(
        label="Note",
        max_length=NOTE_MAX,
        required=False,
        help_text="Both of you see it.",
        error_messages={"max_length": f"A note has at most {NOTE_MAX} characters."},
        widget=forms.TextInput({"autocomplete": "off"}),
    )

    def clean_note(self) -> str:
        """Return the note; raise ValidationError with the sentence of the room that refuses."""
        try:
            return readable_note(self.cleaned_data["note"])
        except NoteMalformed as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from None
