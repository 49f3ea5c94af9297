"""The operators' forms: they read what was typed, and leave the deciding to the rooms."""

from __future__ import annotations

from typing import Final

from django import forms

from tallystick.web.pages.forms import AmountForm
from tallystick.web.pages.words import REASONS

__all__ = ["REASON_MAX", "GiveBack"]

#: Signs of an answer to a review, as the room takes them.
REASON_MAX: Final = 500


class GiveBack(AmountForm):
    """How much of a payment goes back, and why."""

    reason = forms.ChoiceField(
        label="Why?",
        choices=[(reason.value, said) for reason, said in REASONS.items()],
        error_messages={
            "required": "Say why.",
            "invalid_choice": "Choose one of these.",
        },
        widget=forms.Select({"autocomplete": "off"}),
    )
