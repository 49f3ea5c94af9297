"""What the lab's buttons work with: a person, their wallet and payments, the house and its parts.

It is there only where every part is of this house's own start.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest

from tallystick import payments, wallets
from tallystick.errors import TallystickError
from tallystick.payments import File, Payment, PaymentState, Provider
from tallystick.wallets import Wallet
from tallystick.web.database import heart
from tallystick.web.house import house
from tallystick.web.lab.simulated import Simulated
from tallystick.web.pages.access import person_of

__all__ = ["Bench", "NothingThere", "bench_of", "keep_shown"]

_NAME: Final = "stripe"
_SHOWN: Final = "lab_payment"
#: Among so many of the newest payments the buttons look for theirs.
_NEWEST: Final = 50


class NothingThere(TallystickError):
    """There is nothing that the button could act on; the text says what to do first."""

    code = "lab_nothing_there"


@dataclass(slots=True)
class Bench:
    """Everything within reach of one click."""

    owner: str
    provider: Provider
    simulator: Simulated
    caretaker: Path
    #: The payment that the page shows: the one that was acted on last.
    shown: UUID | None = None

    def wallet(self) -> Wallet:
        """Return the person's first wallet that the provider brings money into."""
        with heart() as conn:
            owned = wallets.of_owner(conn, owner=self.owner)
        taken = self.provider.capabilities.collect
        for one in owned:
            if one.currency.code in taken:
                return one
        raise NothingThere("You have no wallet that can be topped up by card.")

    def find(self, *states: PaymentState) -> Payment | None:
        """Return the payment that is shown, else the newest; one in these states if any are given.

        It is the one that is shown from then on.
        """
        with heart() as conn:
            owned = payments.of_owner(conn, owner=self.owner, limit=_NEWEST)
        fitting = [
            one for one in owned if one.provider == _NAME and (not states or one.state in states)
        ]
        fitting.sort(key=lambda one: one.id != self.shown)
        if fitting:
            self.shown = fitting[0].id
        return next(iter(fitting), None)

    def settled(self) -> File:
        """Return a payment whose money came, with all of it; raise NothingThere."""
        found = self.find(PaymentState.SETTLED)
        if found is None:
            raise NothingThere("No payment of yours is settled yet. Start one, and pay it first.")
        with heart() as conn:
            return payments.file(conn, payment_id=found.id, owner=self.owner)


def bench_of(request: HttpRequest) -> Bench:
    """Return the bench of who is signed in; raise Http404 where a part is not this house's own."""
    ours = settings.TALLYSTICK
    simulator = f"http://{ours.simulator_host}:{ours.simulator_port}"
    is_ours = ours.dev_endpoints and not ours.is_production and ours.stripe_api_url == simulator
    provider = house().providers.get(_NAME)
    key = ours.stripe_secret_key
    if not is_ours or ours.caretaker is None or provider is None or key is None:
        raise Http404
    simulated = Simulated(simulator, key.get_secret_value())
    bench = Bench(person_of(request).owner, provider, simulated, ours.caretaker)
    with suppress(ValueError):
        bench.shown = UUID(request.session.get(_SHOWN, ""))
    return bench


def keep_shown(request: HttpRequest, bench: Bench) -> None:
    """Remember which payment the page shows, for this session."""
    if bench.shown is not None:
        request.session[_SHOWN] = str(bench.shown)
