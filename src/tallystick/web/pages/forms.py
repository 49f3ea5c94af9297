"""The pages' forms: they read what a person typed, and leave the deciding to the rooms."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from tallystick import ids
from tallystick.money import Currency, Money, MoneyMalformed
from tallystick.payments import AmountOutOfRange, AmountRange

__all__ = ["TopUp"]

_AMOUNT_MAX: Final = 30
_LATIN_MINUS: Final = ("-", "−", "–")


class TopUp(forms.Form):
    """An amount, and the key that makes a second click the same payment."""

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

    def __init__(self, *args: Any, currency: Currency, limits: AmountRange, **kwargs: Any) -> None:
        """Read amounts of this currency, within what the provider takes."""
        super().__init__(*args, **kwargs)
        self._currency = currency
        least, greatest = Money(limits.least, currency), Money(limits.greatest, currency)
        self.fields["amount"].help_text = f"From {_grouped(least)} to {_grouped(greatest)}."

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
        """Give the form a fresh key, so that what is sent next is a new payment."""
        self.data = {**dict(self.data.items()), self.add_prefix("key"): str(ids.new())}


def _grouped(money: Money) -> str:
    whole, dot, fraction = money.major.partition(".")
    return f"{money.currency.code} {int(whole):,}{dot}{fraction}"
