"""A payment's way as a line of stations, from what was asked to what came of it. No I/O.

What has happened stands in the order in which it did; what may come stands last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from tallystick.payments import (
    Collection,
    CollectionKind,
    Dispute,
    DisputeState,
    File,
    News,
    NewsKind,
    Refund,
    Step,
)
from tallystick.payments import PaymentState as S
from tallystick.web.pages.words.names import provider_name, until

__all__ = ["Station", "is_over", "stations"]

Mark = Literal["done", "now", "ahead", "stopped"]
Icon = Literal["", "asked", "page", "wallet", "card", "back", "question", "clock", "bank", "more"]


@dataclass(frozen=True, slots=True)
class Station:
    """One stage of the way, and whether the payment has been there."""

    title: str
    note: str
    mark: Mark
    at: datetime | None
    icon: Icon = ""


_ENDS: Final = {
    S.FAILED: "Refused",
    S.EXPIRED: "Ran out of time",
    S.CANCELLED: "Cancelled",
    S.DECLINED: "Not approved",
}
_NEWS: Final[Mapping[CollectionKind | NewsKind, tuple[str, str]]] = {
    CollectionKind.LATE: ("{amount} came after all", "It is in the wallet."),
    CollectionKind.TWICE: ("{amount} came a second time", "Kept aside until somebody has looked."),
    CollectionKind.OTHER_AMOUNT: (
        "{amount} came, another amount than asked for",
        "Kept aside until somebody has looked.",
    ),
    CollectionKind.UNCLAIMED: ("{amount} came", "Kept aside until somebody has looked."),
    CollectionKind.UNBOOKABLE: (
        "{amount} came, but the wallet takes nothing",
        "Kept aside until somebody has looked.",
    ),
    NewsKind.REFUND_LATE: ("{amount} went back after all", ""),
    NewsKind.REFUND_RETURNED: ("{amount} came back", "It is in the wallet again."),
    NewsKind.REFUND_UNCLAIMED: ("{amount} went back", "Somebody is looking into this."),
    NewsKind.REFUND_OTHER_AMOUNT: (
        "{amount} went back, another amount than asked for",
        "Somebody is looking into this.",
    ),
}


def is_over(file: File) -> bool:
    """Return whether nothing more is on its way, so that nobody need look again."""
    is_disputed = any(one.state is DisputeState.OPEN for one in file.disputes)
    is_moving = not file.payment.is_terminal or any(not one.is_terminal for one in file.refunds)
    return not is_moving and not is_disputed


def stations(file: File, *, now: datetime, back: str = "") -> list[Station]:
    """Return the whole way in order; `back` is how the person returned from the payment page."""
    kept = "Kept safe, with its own number"
    asked = Station("Asked for", kept, "done", file.payment.created_at, "asked")
    way = [asked, *_there(file, now=now), *_end(file, back=back)]
    beside = [one for one in file.collections if one.kind in _NEWS]
    since = [
        *_refunds(file, now),
        *_disputes(file.disputes),
        *map(_news, beside),
        *map(_news, file.news),
    ]
    return [*way, *sorted(since, key=lambda station: station.at or now)]


def _there(file: File, *, now: datetime) -> Iterator[Station]:
    """Yield the way to the provider's page and what happened on it."""
    payment, name = file.payment, provider_name(file.payment.provider)
    own = [step for step in file.steps if step.refund_id is None]
    first: dict[S, datetime] = {}
    for step in own:
        first.setdefault(step.state, step.at)
    queued = next((step for step in own if step.state is S.CREATED and step.note), None)
    if queued is not None:
        is_waiting = payment.state is S.CREATED
        note = f"Sent as soon as it can, until {until(payment.expires_at, now)}."
        yield Station(
            f"{name} could not be reached" if not is_waiting else f"Waiting for {name}",
            f"It cannot be reached. {note}" if is_waiting else "It waited in our queue.",
            "now" if is_waiting else "done",
            queued.at,
            "clock",
        )
    if payment.state is S.AWAITING_APPROVAL:
        yield Station("Waiting for a second person", "", "now", None, "clock")
    if payment.state is S.SENDING or (payment.state is S.CREATED and queued is None):
        yield Station(f"On its way to {name}", "We ask for the payment page", "now", None, "page")
    yield from _asked_again(file, first, name)
    if S.SUBMITTED in first:
        yield Station(
            f"{name} has it", "The payment page is ready", "done", first[S.SUBMITTED], "page"
        )
    yield from map(_refused_card, _cards(own))


def _asked_again(file: File, first: dict[S, datetime], name: str) -> Iterator[Station]:
    """Yield the time in which nobody knew what had become of it, and who found out."""
    state = file.payment.state
    if S.UNKNOWN in first:
        is_now = state is S.UNKNOWN
        note = "We are asking. Nothing is lost." if is_now else "We asked until somebody knew."
        mark: Mark = "now" if is_now else "done"
        yield Station(f"No answer from {name}", note, mark, first[S.UNKNOWN], "question")
    if S.REVIEW in first:
        yield Station(
            "Somebody looks into it",
            f"{name} could not tell what became of it.",
            "now" if state is S.REVIEW else "done",
            first[S.REVIEW],
            "question",
        )


def _cards(steps: list[Step]) -> list[Step]:
    """Return the notes of cards that were refused: the payment stayed where it was."""
    past = set()
    noted = []
    for step in steps:
        if step.state is S.SUBMITTED and step.state in past and step.note:
            noted.append(step)
        past.add(step.state)
    return noted


def _refused_card(step: Step) -> Station:
    return Station("A card was refused", step.note, "stopped", step.at, "card")


def _end(file: File, *, back: str) -> Iterator[Station]:
    """Yield how it ended, or how it is hoped to end."""
    payment, name = file.payment, provider_name(file.payment.provider)
    if payment.state is S.SETTLED:
        yield Station("In the wallet", "Booked", "done", payment.settled_at, "wallet")
    elif payment.is_terminal:
        ended = next(
            (
                step.at
                for step in file.steps
                if step.refund_id is None and step.state is payment.state
            ),
            payment.updated_at,
        )
        is_late = any(one.kind is CollectionKind.LATE for one in file.collections)
        note = (
            payment.failure_detail if payment.state is S.FAILED else None
        ) or "Nothing was taken."
        yield Station(_ENDS[payment.state], "" if is_late else note, "stopped", ended)
    elif payment.state is S.SUBMITTED:
        waiting = f"Once {name} confirms" if back == "success" else "Once it is paid"
        yield Station("In the wallet", waiting, "now", None, "wallet")
    else:
        yield Station("In the wallet", "", "ahead", None, "wallet")


def _refunds(file: File, now: datetime) -> Iterator[Station]:
    for refund in file.refunds:
        yield _refund(refund, [one for one in file.steps if one.refund_id == refund.id], now)


def _refund(refund: Refund, steps: list[Step], now: datetime) -> Station:
    name, amount = provider_name(refund.provider), refund.amount
    at = refund.settled_at or (steps[-1].at if steps else refund.updated_at)
    if refund.state is S.SETTLED:
        late = "Made at the provider, not from here." if refund.origin == "provider" else ""
        return Station(f"{amount} went back", late, "done", at, "back")
    if refund.is_terminal:
        why = refund.failure_detail or "Nothing was sent."
        return Station(
            f"{amount} did not go back", f"{why} It is in the wallet again.", "stopped", at
        )
    if refund.state is S.UNKNOWN:
        note = f"{name} did not answer in time. We are asking; nothing is lost."
    elif refund.state is S.REVIEW:
        note = "Somebody looks into what became of it."
    elif refund.state is S.SUBMITTED:
        note = f"{name} has it and pays it out."
    elif any(step.note for step in steps):
        note = f"{name} cannot be reached. Sent as soon as it can, until "
        note += f"{until(refund.expires_at, now)}."
    else:
        note = "Set aside in the wallet; we ask for it to be paid out."
    return Station(f"{amount} is going back", note, "now", at, "back")


def _disputes(disputes: list[Dispute]) -> Iterator[Station]:
    for dispute in disputes:
        opened = "It is out of the wallet until the bank has decided."
        yield Station(
            f"The bank asks for {dispute.amount} back",
            opened if dispute.state is DisputeState.OPEN else "",
            "now" if dispute.state is DisputeState.OPEN else "done",
            dispute.created_at,
            "bank",
        )
        if dispute.state is DisputeState.WON:
            title = f"The bank gave {dispute.amount} back"
            yield Station(title, "", "done", dispute.closed_at, "bank")
        elif dispute.state is DisputeState.LOST:
            title = "The bank decided for the holder of the card"
            yield Station(title, f"{dispute.amount} is gone.", "stopped", dispute.closed_at, "bank")


def _news(news: Collection | News) -> Station:
    title, note = _NEWS[news.kind]
    return Station(title.format(amount=news.amount), note, "done", news.created_at, "more")
