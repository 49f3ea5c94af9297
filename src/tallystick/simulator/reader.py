"""Read a journal from outside: what the provider did and still owes, by the provider's own ids.

For tools that compare it with books. It writes nothing, takes no lock, and reads a folder (also
while a simulator writes there) or a running simulator's address. Amounts are in Stripe's unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from tallystick.simulator.errors import JournalUnreadable
from tallystick.simulator.journal import FILE_NAME, read_lines
from tallystick.simulator.webhooks import KIND as WEBHOOK

__all__ = [
    "JournalCharge",
    "JournalContents",
    "JournalDispute",
    "JournalRefund",
    "JournalWebhook",
    "read_journal",
]

_PAGE: Final = 1_000
_ANSWER_WAIT_S: Final = 10

_Objects = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class JournalCharge:
    """A charge as it is now; `amount` and `amount_refunded` in Stripe's unit of `currency`."""

    id: str
    amount: int
    amount_refunded: int
    #: Three letters, in lower case, as Stripe writes them.
    currency: str
    #: False for a declined one, which moved no money.
    is_paid: bool
    is_disputed: bool
    payment_intent: str
    #: The checkout session that it paid.
    session: str | None
    metadata: Mapping[str, str]
    #: Seconds since 1970, by the simulator's clock.
    created: int


@dataclass(frozen=True, slots=True)
class JournalRefund:
    """A refund as it is now."""

    id: str
    amount: int
    currency: str
    #: pending, succeeded or failed.
    status: str
    charge: str
    payment_intent: str
    #: Empty for one that was made in the dashboard.
    metadata: Mapping[str, str]
    created: int


@dataclass(frozen=True, slots=True)
class JournalDispute:
    """A dispute as it is now."""

    id: str
    amount: int
    #: What the dispute cost beside the amount.
    fee: int
    currency: str
    #: needs_response, under_review, won or lost.
    status: str
    reason: str
    charge: str
    payment_intent: str
    created: int


@dataclass(frozen=True, slots=True)
class JournalWebhook:
    """One delivery of an event."""

    id: str
    event: str
    #: The event's type, as `charge.refunded`.
    type: str
    #: The id of the object that the event is about.
    object: str
    #: owed, delivered, abandoned or lost.
    state: str
    attempts: int


@dataclass(frozen=True, slots=True)
class JournalContents:
    """Everything that the journal tells, each by its id, the oldest first."""

    charges: Mapping[str, JournalCharge]
    refunds: Mapping[str, JournalRefund]
    disputes: Mapping[str, JournalDispute]
    webhooks: Mapping[str, JournalWebhook]

    @property
    def webhooks_owed(self) -> Mapping[str, JournalWebhook]:
        """Return the webhooks that somebody still has to hear."""
        return {name: one for name, one in self.webhooks.items() if one.state == "owed"}


def read_journal(
    place: Path | str, *, on_progress: Callable[[int], None] | None = None
) -> JournalContents:
    """Return what the journal in a folder, or of the simulator at an http address, tells.

    `on_progress` is told after each thousand lines how many were read. Raises JournalUnreadable
    where there is no journal, and JournalDamaged for a line that is no line.
    """
    is_address = isinstance(place, str) and place.startswith(("http://", "https://"))
    entries = _from_address(str(place)) if is_address else _from_folder(Path(place))
    try:
        return _contents(_objects(_counted(entries, on_progress or _tell_nobody)))
    except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError) as trouble:
        raise JournalUnreadable(f"The journal of {place} cannot be read: {trouble}.") from trouble


def _objects(entries: Iterator[dict[str, Any]]) -> _Objects:
    """Return each object as the last line about it left it, by kind and id."""
    found: _Objects = {}
    for entry in entries:
        if entry["provider"] == "stripe":
            for record in entry["records"]:
                found.setdefault(record["kind"], {})[record["id"]] = record["object"]
    return found


def _counted(
    entries: Iterator[dict[str, Any]], tell: Callable[[int], None]
) -> Iterator[dict[str, Any]]:
    for count, entry in enumerate(entries, start=1):
        yield entry
        if count % _PAGE == 0:
            tell(count)


def _tell_nobody(_count: int) -> None:
    return


def _from_folder(folder: Path) -> Iterator[dict[str, Any]]:
    return read_lines(folder / FILE_NAME)


def _from_address(address: str) -> Iterator[dict[str, Any]]:
    after, has_more = 0, True
    with httpx.Client(timeout=_ANSWER_WAIT_S, trust_env=False) as client:
        while has_more:
            asked = {"after": after, "limit": _PAGE}
            answer = client.get(f"{address.rstrip('/')}/_simulator/journal", params=asked)
            page = answer.raise_for_status().json()
            yield from page["entries"]
            after, has_more = page["last"], page["has_more"]


def _contents(found: _Objects) -> JournalContents:
    sessions = found.get("checkout_session", {}).values()
    session_of = {one["payment_intent"]: one["id"] for one in sessions if one["payment_intent"]}
    events = found.get("event", {})
    return JournalContents(
        charges={
            name: _charge(one, session_of.get(one["payment_intent"]))
            for name, one in found.get("charge", {}).items()
        },
        refunds={name: _refund(one) for name, one in found.get("refund", {}).items()},
        disputes={name: _dispute(one) for name, one in found.get("dispute", {}).items()},
        webhooks={
            name: _webhook(one, events[one["event"]])
            for name, one in found.get(WEBHOOK, {}).items()
        },
    )


def _charge(one: Mapping[str, Any], session: str | None) -> JournalCharge:
    return JournalCharge(
        id=one["id"],
        amount=one["amount"],
        amount_refunded=one["amount_refunded"],
        currency=one["currency"],
        is_paid=one["paid"],
        is_disputed=one["disputed"],
        payment_intent=one["payment_intent"],
        session=session,
        metadata=one["metadata"],
        created=one["created"],
    )


def _refund(one: Mapping[str, Any]) -> JournalRefund:
    return JournalRefund(
        id=one["id"],
        amount=one["amount"],
        currency=one["currency"],
        status=one["status"],
        charge=one["charge"],
        payment_intent=one["payment_intent"],
        metadata=one["metadata"],
        created=one["created"],
    )


def _dispute(one: Mapping[str, Any]) -> JournalDispute:
    return JournalDispute(
        id=one["id"],
        amount=one["amount"],
        fee=sum(entry["fee"] for entry in one["balance_transactions"]),
        currency=one["currency"],
        status=one["status"],
        reason=one["reason"],
        charge=one["charge"],
        payment_intent=one["payment_intent"],
        created=one["created"],
    )


def _webhook(one: Mapping[str, Any], event: Mapping[str, Any]) -> JournalWebhook:
    return JournalWebhook(
        id=one["id"],
        event=one["event"],
        type=event["type"],
        object=event["data"]["object"]["id"],
        state=one["state"],
        attempts=one["attempts"],
    )
