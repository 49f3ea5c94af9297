"""What the simulated Stripe stands on: its account, its book, and what an operation leads to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from tallystick.simulator.book import Book, Change, JsonObject
from tallystick.simulator.faults import WEBHOOK_FAULTS, Faults
from tallystick.simulator.stripe import objects
from tallystick.simulator.webhooks import KIND as WEBHOOK
from tallystick.simulator.webhooks import owed

__all__ = ["Account", "Asked", "Desk", "Outcome"]

_NO_MARKS: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Account:
    """The merchant's account at the simulated Stripe."""

    secret_key: str
    #: Where people reach the checkout page, without a slash at the end.
    base_url: str
    name: str = "Simulated merchant"
    #: Whether anybody listens to webhooks; without, none is owed.
    has_webhooks: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """The API request behind an operation, as its events name it; a person's click has none."""

    request: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation answers and changes; nothing is true before the desk commits it."""

    body: JsonObject
    changes: Sequence[Change] = ()
    #: Type, object as it is now, and what it was before where Stripe says so.
    events: Sequence[tuple[str, JsonObject, JsonObject | None]] = ()


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that an operation may use."""

    account: Account
    book: Book
    faults: Faults
    #: Returns so many random letters and digits.
    token: Callable[[int], str]

    def now(self) -> int:
        """Return the second that it is."""
        return int(self.book.clock())

    def name(self, prefix: str) -> str:
        """Return a new id, as `pi_3f…`."""
        return f"{prefix}_{self.token(24)}"

    def commit(
        self,
        operation: str,
        outcome: Outcome,
        *,
        asked: Asked | None = None,
        also: Sequence[Change] = (),
        marks: Mapping[str, Any] = _NO_MARKS,
    ) -> None:
        """This function will journal the outcome, its events, their webhooks and `also` as one.

        `marks` are what its events say otherwise than events do.
        """
        changes = [*outcome.changes]
        place = self.book.count(WEBHOOK)
        for number, (kind, thing, before) in enumerate(outcome.events):
            event = objects.event(
                self.name("evt"),
                kind=kind,
                thing=thing,
                before=before,
                now=self.now(),
                request=asked.request if asked else None,
                key=asked.key if asked else None,
            )
            changes.append(Change("event", event["id"], {**event, **marks}))
            if self.account.has_webhooks:
                fault = self.faults.take(kind, family=WEBHOOK_FAULTS)
                now = self.book.real_clock()
                changes += owed(event["id"], now=now, place=place + number, fault=fault)
        self.book.commit(operation, [*changes, *also])
