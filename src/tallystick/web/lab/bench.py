"""What the lab's buttons work with: a person, their wallet and payments, the house and its parts.

It is there only where every part is of this house's own start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

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

__all__ = ["Bench", "NothingThere", "bench_of"]

_NAME: Final = "stripe"
#: Among so many of the newest payments the buttons look for theirs.
_NEWEST: Final = 50


class NothingThere(TallystickError):
    """There is nothing that the button could act on; the text says what to do first."""

    code = "lab_nothing_there"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything within reach of one click."""

    owner: str
    provider: Provider
    simulator: Simulated
    caretaker: Path

    def wallet(self) -> Wallet:
        """Return the person's first wallet that the provider brings money into."""
        with heart() as conn:
            owned = wallets.of_owner(conn, owner=self.owner)
        taken = self.provider.capabilities.collect
        for one in owned:
            if one.currency.code in taken:
                return one
        raise NothingThere("You have no wallet that can be topped up by card.")

    def newest(self, *states: PaymentState) -> Payment | None:
        """Return the person's newest payment at this provider, in one of the states if given."""
        with heart() as conn:
            found = payments.of_owner(conn, owner=self.owner, limit=_NEWEST)
        return next(
            (one for one in found if one.provider == _NAME and (not states or one.state in states)),
            None,
        )

    def settled(self) -> File:
        """Return the newest payment whose money came, with all of it; raise NothingThere."""
        found = self.newest(PaymentState.SETTLED)
        if found is None:
            raise NothingThere("No payment of yours is settled yet. Start one, and pay it first.")
        with heart() as conn:
            return payments.file(conn, payment_id=found.id, owner=self.owner)

    def intent(self) -> str:
        """Return the provider's id of the newest money that came; raise NothingThere."""
        reference = self.settled().payment.collected_reference
        if reference is None:
            raise NothingThere("The provider has not told yet how it calls this money.")
        return reference


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
    return Bench(person_of(request).owner, provider, simulated, ours.caretaker)
