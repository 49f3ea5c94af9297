"""What a person is told about a payment as it stands, and what they may do. No I/O.

Nobody is told "failed" on a guess, and nobody who might have paid is asked to pay again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from tallystick.money import Money
from tallystick.payments import (
    Collection,
    CollectionKind,
    DisputeState,
    File,
    NewsKind,
    Payment,
    Refund,
)
from tallystick.payments import PaymentState as S
from tallystick.web.pages.words.names import provider_name, until

__all__ = ["Telling", "Tone", "tell", "tell_file"]

Tone = Literal["wait", "act", "good", "bad", "calm"]
#: What the person may do next: pay, use another card, ask once more, look at the wallet.
Act = Literal["pay", "other_card", "again", "wallet", ""]


@dataclass(frozen=True, slots=True)
class Telling:
    """What a person is told about a payment."""

    #: One or two words, for a badge.
    badge: str
    headline: str
    #: What it means for their money, and what happens next.
    text: str
    tone: Tone
    act: Act = ""


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
        "pay",
    ),
    S.UNKNOWN: Telling(
        "Checking",
        "We do not know yet whether {provider} has it",
        "{provider} did not answer in time, and we are asking. Please do not pay again: nothing is"
        " lost, and this page tells you as soon as we know.",
        "wait",
    ),
    S.REVIEW: Telling(
        "In review",
        "Somebody is looking into this",
        "We could not find out by ourselves what became of it. Please do not pay again: nothing is"
        " lost, and we write to you once we know.",
        "wait",
    ),
    S.SETTLED: Telling("Paid", "The money is in your wallet", "", "good", "wallet"),
    S.FAILED: Telling("Refused", "The payment was refused", _NOTHING, "bad", "again"),
    S.EXPIRED: Telling("Ran out", "The payment ran out of time", _NOTHING, "calm", "again"),
    S.CANCELLED: Telling("Cancelled", "The payment was cancelled", _NOTHING, "calm", "again"),
    S.DECLINED: Telling("Declined", "The payment was not approved", _NOTHING, "bad", "again"),
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
    "pay",
)
_CARD_REFUSED: Final = Telling(
    "Card refused",
    "The card was refused",
    "Nothing was taken. You can try another card on the same page.",
    "bad",
    "other_card",
)
_QUEUED: Final = Telling(
    "Queued",
    "Queued until {provider} can be reached",
    "{provider} cannot be reached at the moment. It is sent as soon as it can, until {until}."
    " Nothing was taken; you can leave this page.",
    "wait",
)
_NEVER_SENT: Final = replace(
    _TELLINGS[S.EXPIRED],
    headline="{provider} could not be reached in time",
    text="So nothing was sent, and nothing was taken.",
)
_LATE: Final = Telling(
    "Paid late",
    "The money came after all",
    "It was paid when this had ended already. It is in your wallet.",
    "good",
    "wallet",
)
_DISPUTED: Final = Telling(
    "Disputed",
    "The bank asks for the money back",
    "The bank of the card disputes {amount}. It is out of your wallet until the bank has decided.",
    "wait",
    "wallet",
)
_DISPUTE_LOST: Final = Telling(
    "Taken back",
    "The bank took the money back",
    "The bank decided for the holder of the card: {amount} went back.",
    "bad",
    "wallet",
)
_ASIDE: Final = frozenset(
    {CollectionKind.TWICE, CollectionKind.OTHER_AMOUNT, CollectionKind.UNBOOKABLE}
)


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
    elif payment.state is S.SETTLED and payment.refunded.minor > 0:
        # What goes back, or a bank disputes: how far that is stands in the payment's file.
        told = (
            replace(told, badge="Part refund")
            if payment.left.minor
            else replace(told, badge="Refund", tone="calm")
        )
    return _named(told, payment)


def tell_file(file: File, *, now: datetime, back: str = "") -> Telling:
    """Return what to say of a payment with all that happened since; `back` as for `tell`."""
    payment = file.payment
    states = {step.state for step in file.steps if step.refund_id is None}
    told = tell(payment, back=back)
    if payment.state is S.CREATED and any(step.note for step in file.steps):
        told = _named(_QUEUED, payment, until=until(payment.expires_at, now))
    elif payment.state is S.EXPIRED and S.SENDING not in states:
        told = _named(_NEVER_SENT, payment)
    if any(one.kind is CollectionKind.LATE for one in file.collections):
        told = _LATE
    if payment.state is S.SETTLED or told is _LATE:
        told = _since(file, told)
    aside = [one for one in file.collections if one.kind in _ASIDE]
    return replace(told, text=f"{told.text} {_kept_aside(aside)}".strip()) if aside else told


def _since(file: File, told: Telling) -> Telling:
    """Return what to say of money that came in: whether it went away again."""
    for dispute in reversed(file.disputes):
        changed = {DisputeState.OPEN: _DISPUTED, DisputeState.LOST: _DISPUTE_LOST}
        if dispute.state in changed:
            return _named(changed[dispute.state], file.payment, amount=str(dispute.amount))
    returned = {news.reference for news in file.news if news.kind is NewsKind.REFUND_RETURNED}
    on_its_way = [one for one in file.refunds if not one.is_terminal]
    gone = [one for one in file.refunds if one.state is S.SETTLED and one.reference not in returned]
    if on_its_way:
        return _going_back(file.payment, on_its_way)
    if gone:
        return _went_back(file.payment, _sum(gone), told)
    return replace(told, badge="Paid") if told is not _LATE else told


def _going_back(payment: Payment, on_its_way: list[Refund]) -> Telling:
    name, total = provider_name(payment.provider), _sum(on_its_way)
    if any(one.state in {S.UNKNOWN, S.REVIEW} for one in on_its_way):
        text = (
            f"We do not know yet whether {name} has given it back, and are asking. It stays set"
            " aside in your wallet until then; nothing is lost."
        )
    else:
        text = f"It is set aside in your wallet, and leaves it once {name} has given it back."
    return Telling("Going back", f"{total} is going back", text, "wait", "wallet")


def _went_back(payment: Payment, total: Money, told: Telling) -> Telling:
    text = f"{total} went back to where it came from. Banks take up to ten days to show it."
    if total.minor >= payment.amount.minor:
        return Telling("Given back", "The money went back", text, "calm", "wallet")
    return replace(told, badge="Part refund", text=text)


def _kept_aside(aside: list[Collection]) -> str:
    total = " and ".join(str(one.amount) for one in aside)
    return f"{total} more arrived than was asked for: it is kept aside until somebody has looked."


def _sum(refunds: list[Refund]) -> Money:
    [first, *others] = [refund.amount for refund in refunds]
    for amount in others:
        first += amount
    return first


def _named(told: Telling, payment: Payment, **words: str) -> Telling:
    name = provider_name(payment.provider)
    return replace(
        told,
        headline=told.headline.format(provider=name, **words),
        text=told.text.format(provider=name, **words),
    )
