"""A payment's state in plain words, and its way as a few stations. No I/O.

It promises nothing that the payments room does not know: an unknown outcome is called so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tallystick.payments import Payment, PaymentState, Step
from tallystick.payments import PaymentState as S

__all__ = ["Station", "Telling", "entry_title", "provider_name", "stations", "tell"]

Tone = Literal["wait", "act", "good", "bad", "calm"]
Mark = Literal["done", "now", "ahead", "stopped"]

_PROVIDERS: Final = {"stripe": "Stripe"}
_ENTRIES: Final = {"top_up": "Top-up by card"}


@dataclass(frozen=True, slots=True)
class Telling:
    """What a person is told about a payment."""

    #: One or two words, for a badge.
    badge: str
    headline: str
    #: What it means for their money, and what happens next.
    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Station:
    """One stage of the way, and whether the payment has been there."""

    title: str
    note: str
    mark: Mark
    at: datetime | None


_SOON: Final = "This takes a few seconds. You can leave this page; nothing is lost."
_NOTHING: Final = "Nothing was taken."

_TELLINGS: Final = {
    S.AWAITING_APPROVAL: Telling(
        "Waiting", "Waiting for a second person", "Somebody else has to agree first.", "wait"
    ),
    S.CREATED: Telling("Starting", "Getting your payment page ready", _SOON, "wait"),
    S.SENDING: Telling("Starting", "Getting your payment page ready", _SOON, "wait"),
    S.SUBMITTED: Telling(
        "To be paid",
        "Your payment page is ready",
        "You pay on {provider}’s own page. Your card number never reaches us.",
        "act",
    ),
    S.UNKNOWN: Telling(
        "Checking",
        "We are finding out",
        "{provider} did not answer in time. We keep asking; please do not pay a second time.",
        "wait",
    ),
    S.REVIEW: Telling(
        "In review",
        "Somebody is looking into this",
        "We could not find out by ourselves what became of it. We write to you once we know.",
        "wait",
    ),
    S.SETTLED: Telling("Paid", "The money is in your wallet", "", "good"),
    S.FAILED: Telling("Refused", "The payment was refused", _NOTHING, "bad"),
    S.EXPIRED: Telling("Ran out", "The payment ran out of time", _NOTHING, "calm"),
    S.CANCELLED: Telling("Cancelled", "The payment was cancelled", _NOTHING, "calm"),
    S.DECLINED: Telling("Declined", "The payment was not approved", _NOTHING, "bad"),
}

_PAID: Final = Telling(
    "Confirming",
    "Waiting for {provider} to confirm",
    "You are back from the payment page. The money shows here as soon as {provider} tells us.",
    "wait",
)
_CAME_BACK: Final = Telling(
    "To be paid",
    "You came back without paying",
    "Nothing was taken. Go on to the payment page, or leave it: it runs out by itself.",
    "act",
)
_CARD_REFUSED: Final = Telling(
    "Card refused",
    "The card was refused",
    "Nothing was taken. You can try again with this card or another one.",
    "bad",
)

_SENT: Final = frozenset({S.SUBMITTED, S.SETTLED, S.UNKNOWN, S.REVIEW})


def provider_name(provider: str) -> str:
    """Return a provider as people know it."""
    return _PROVIDERS.get(provider, provider.replace("_", " ").title())


def entry_title(kind: str, *, who: str | None = None, is_incoming: bool = False) -> str:
    """Return what an entry of a wallet is called; `who` is whose wallet is on its other side."""
    if who is not None:
        return f"From {who}" if is_incoming else f"To {who}"
    return _ENTRIES.get(kind, kind.replace("_", " ").capitalize())


def tell(payment: Payment, *, back: str = "") -> Telling:
    """Return what to say; `back` is how the person returned: `success`, `cancel` or nothing."""
    told = _TELLINGS[payment.state]
    if payment.state is S.SUBMITTED:
        if back == "success":
            told = _PAID
        elif payment.failure_code:
            told = _CARD_REFUSED
        elif back == "cancel":
            told = _CAME_BACK
    name = provider_name(payment.provider)
    return Telling(
        told.badge,
        told.headline.format(provider=name),
        told.text.format(provider=name),
        told.tone,
    )


def stations(payment: Payment, steps: Sequence[Step], *, back: str = "") -> list[Station]:
    """Return the way in order: asked for, to be paid, in the wallet; or where it stopped."""
    name = provider_name(payment.provider)
    first: dict[PaymentState, datetime] = {}
    for step in steps:
        first.setdefault(step.state, step.at)
    asked = Station(
        "You asked for it", "Kept safe, with its own number", "done", payment.created_at
    )
    ready_at = first.get(S.SUBMITTED)
    was_sent = payment.state in _SENT or ready_at is not None
    page = Station(
        f"{name} has it",
        "Your payment page is ready" if was_sent else "We ask for your payment page",
        "done" if was_sent else "now",
        ready_at,
    )
    if payment.state is S.SETTLED:
        return [asked, page, Station("In your wallet", "Booked", "done", payment.settled_at)]
    if payment.is_terminal:
        page = page if was_sent else Station(page.title, "Not reached", "ahead", None)
        end = Station(_TELLINGS[payment.state].badge, _NOTHING, "stopped", payment.updated_at)
        return [asked, page, end]
    if not was_sent:
        return [asked, page, Station("In your wallet", "", "ahead", None)]
    waiting = f"{name} confirms" if back == "success" else "Once you have paid"
    return [asked, page, Station("In your wallet", waiting, "now", None)]
