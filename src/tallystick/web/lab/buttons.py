"""The lab's buttons: each with what it will do, in groups as they stand on the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from tallystick.web.lab import deeds, troubles
from tallystick.web.lab.bench import Bench

__all__ = ["AMOUNTS", "BUTTONS", "CARDS", "GROUPS", "STARTS", "Button", "Group"]

#: Major units to choose from; KES and such fit, and so do others.
AMOUNTS: Final = (500, 1_500, 5_000)


@dataclass(frozen=True, slots=True)
class Button:
    """One button, and what happens on its click; `run` returns what to say."""

    name: str
    label: str
    #: What will happen and what to watch.
    what: str
    run: Callable[[Bench], str]


@dataclass(frozen=True, slots=True)
class Group:
    """Buttons of one kind."""

    title: str
    icon: str
    buttons: tuple[Button, ...]


#: They take the amount that is chosen.
STARTS: Final[Mapping[str, Callable[[Bench, int], str]]] = {
    "start": deeds.start,
    "start_and_pay": deeds.start_and_pay,
}

CARDS: Final = (
    Button("good", "Good card", "", partial(deeds.pay, card="4242424242424242")),
    Button("declined", "Declined card", "", partial(deeds.pay, card="4000000000000002")),
    Button("secure", "3-D Secure", "", partial(deeds.pay, card="4000002500003155")),
    Button("abandon", "Abandon it", "", deeds.abandon),
)

_WEBHOOKS: Final = Group(
    "Webhooks",
    "icons/inbox.svg",
    (
        Button(
            "lose",
            "Lose the next one",
            "It never comes. The janitor asks the provider after seconds and settles the payment.",
            partial(troubles.fault, what="lost_webhook"),
        ),
        Button(
            "double",
            "Double it",
            "It comes twice. The inbox keeps one, and the money moves once.",
            partial(troubles.fault, what="double_webhook"),
        ),
        Button(
            "late",
            "Deliver it late",
            "It comes after 15 seconds. By then the janitor has settled the payment.",
            partial(troubles.fault, what="late_webhook"),
        ),
        Button(
            "disorder",
            "Out of order",
            "A newer one overtakes it. Facts are booked in whatever order they come.",
            partial(troubles.fault, what="out_of_order_webhook"),
        ),
    ),
)
_PROVIDER: Final = Group(
    "The provider",
    "icons/plug-connected.svg",
    (
        Button(
            "timeout",
            "Time out after the work",
            "The next call is done and never answered: unknown, never failed, never sent twice.",
            partial(troubles.fault, what="timeout_after_charge"),
        ),
        Button(
            "error",
            "Answer 500",
            "The next call gets a 500, for good. Nobody guesses: after three days, ask a person.",
            partial(troubles.fault, what="error_500"),
        ),
        Button(
            "outage",
            "Take it down",
            "The breaker opens. New payments say that they are queued, and wait.",
            troubles.begin_outage,
        ),
        Button(
            "recovery",
            "Bring it back",
            "One call probes; then the queue drains by itself.",
            troubles.end_outage,
        ),
        Button(
            "forget",
            "Forget the orders",
            "What waits for the next webhook or call does not happen.",
            troubles.forget_faults,
        ),
    ),
)
_HOUSE: Final = Group(
    "The house",
    "icons/home.svg",
    (
        Button(
            "kill",
            "Kill the worker",
            "SIGKILL for the process that works the money queue. Another is there within a second.",
            troubles.kill_worker,
        ),
        Button(
            "verify",
            "Verify the books",
            "Reads every entry again, now.",
            deeds.verify,
        ),
        Button(
            "redis_off",
            "Stop Redis",
            "The cache is gone. The house is slower, and still right.",
            troubles.stop_cache,
        ),
        Button(
            "redis_on",
            "Start Redis",
            "It comes back empty, and nothing is missed.",
            troubles.start_cache,
        ),
    ),
)
_CLOCK: Final = Group(
    "The clock",
    "icons/clock.svg",
    (
        Button(
            "days",
            "Three days on",
            "Here and at the provider. Pages expire; what is still unknown goes to review.",
            troubles.move_clock,
        ),
        Button(
            "today",
            "Back to today",
            "Both clocks tell the real time again. What has expired stays expired.",
            troubles.clock_back,
        ),
    ),
)
_AFTER: Final = Group(
    "After the payment",
    "icons/receipt.svg",
    (
        Button(
            "refund",
            "Refund half of it",
            "From here: the money is set aside first, then the provider is asked.",
            deeds.refund_half,
        ),
        Button(
            "refund_there",
            "Refund it at the provider",
            "By hand, in its dashboard. Nobody asked us, and the books take it.",
            deeds.refund_there,
        ),
        Button(
            "refund_fails",
            "Let the refund fail",
            "The newest refund comes back, and so does the money.",
            deeds.fail_refund,
        ),
        Button(
            "dispute",
            "Open a dispute",
            "The payer's bank takes the money at once, covered or not, and a fee.",
            deeds.open_dispute,
        ),
        Button(
            "win", "Win the dispute", "The money comes back.", partial(deeds.end_dispute, end="won")
        ),
        Button(
            "lose_dispute",
            "Lose the dispute",
            "The money stays away.",
            partial(deeds.end_dispute, end="lost"),
        ),
    ),
)

GROUPS: Final = (_WEBHOOKS, _PROVIDER, _HOUSE, _CLOCK, _AFTER)
BUTTONS: Final = {
    one.name: one for one in (*CARDS, *(each for group in GROUPS for each in group.buttons))
}
