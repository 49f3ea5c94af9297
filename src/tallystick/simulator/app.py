"""The simulator as a whole: journal, providers, webhooks and the ASGI application, joined here.

Nothing else joins them. It listens on no port: `serve` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import string
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tallystick.settings import Settings
from tallystick.simulator import control
from tallystick.simulator.book import Book, Clock
from tallystick.simulator.errors import ConfigurationMissing
from tallystick.simulator.faults import Faults
from tallystick.simulator.http import Door, Router
from tallystick.simulator.journal import Journal
from tallystick.simulator.stripe import Account, Stripe, letter
from tallystick.simulator.webhooks import RETRY_AFTER_S, Courier

__all__ = ["Configuration", "Simulator"]

_SIGNS: Final = string.ascii_letters + string.digits
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Configuration:
    """What the simulator runs with."""

    host: str
    port: int
    #: The folder of the journal.
    data: Path
    stripe_secret_key: str
    #: Signs the webhooks; needed where there is an address for them.
    stripe_webhook_secret: str | None = None
    webhook_url: str | None = None
    #: Forget everything that the journal holds.
    reset: bool = False
    retry_after_s: Sequence[float] = RETRY_AFTER_S

    @classmethod
    def from_settings(
        cls,
        settings: Settings,
        *,
        port: int | None = None,
        data: Path | None = None,
        webhook_url: str | None = None,
        reset: bool = False,
    ) -> Self:
        """Return the settings' configuration, changed by what was asked on the command line.

        Raises ConfigurationMissing for absent secrets and for a key of real money.
        """
        key, secret = settings.stripe_secret_key, settings.stripe_webhook_secret
        if key is None or not key.get_secret_value().startswith("sk_test_"):
            raise ConfigurationMissing(
                "Set TALLYSTICK_STRIPE_SECRET_KEY to a key that begins with sk_test_: "
                "the simulator takes no other."
            )
        url = webhook_url or settings.simulator_webhook_url
        if url and secret is None:
            raise ConfigurationMissing(
                "Set TALLYSTICK_STRIPE_WEBHOOK_SECRET: the simulator signs its webhooks with it."
            )
        return cls(
            host=settings.simulator_host,
            port=settings.simulator_port if port is None else port,
            data=data or settings.simulator_data,
            stripe_secret_key=key.get_secret_value(),
            stripe_webhook_secret=secret.get_secret_value() if secret else None,
            webhook_url=url,
            reset=reset,
        )

    @property
    def base_url(self) -> str:
        """Where people and programs reach it, without a slash at the end."""
        local = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}  # noqa: S104 - not bound here
        return f"http://{local.get(self.host, self.host)}:{self.port}"


class Simulator:
    """The providers over one journal; `door` is the ASGI application."""

    def __init__(
        self, journal: Journal, configuration: Configuration, *, clock: Clock = time.time
    ) -> None:
        """Rebuild what the journal tells and owe what was still owed."""
        self._journal = journal
        self.faults = Faults()
        self.book = Book(journal, provider="stripe", clock=clock)
        account = Account(
            configuration.stripe_secret_key,
            configuration.base_url,
            has_webhooks=configuration.webhook_url is not None,
        )
        self.stripe = Stripe(account, book=self.book, faults=self.faults, token=_token)
        self._courier = _courier(self.book, configuration)
        self._upkeep: asyncio.Task[None] | None = None
        router = Router()
        control.add_routes(
            router,
            journal=journal,
            faults=self.faults,
            books=[self.book],
            look_after=self.stripe.look_after,
        )
        self.stripe.add_routes(router)
        self.door = Door(router, journal=journal, life=self)

    @classmethod
    def open(cls, configuration: Configuration, *, clock: Clock = time.time) -> Self:
        """Return the simulator over the folder's journal; raise what `Journal.open` raises."""
        journal = Journal.open(configuration.data, reset=configuration.reset)
        try:
            return cls(journal, configuration, clock=clock)
        except BaseException:
            journal.close()
            raise

    async def start(self) -> None:
        """Begin to deliver webhooks and to expire sessions."""
        if self._courier:
            self._courier.start()
        self._upkeep = asyncio.create_task(self._look_after())

    async def stop(self) -> None:
        """End both; what is owed stays owed. A second call does nothing."""
        if self._upkeep:
            self._upkeep.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._upkeep
            self._upkeep = None
        if self._courier:
            await asyncio.to_thread(self._courier.stop)

    def close(self) -> None:
        """Sync the journal and let it go; nothing may run any more."""
        self._journal.close()

    async def _look_after(self) -> None:
        while True:
            self.stripe.look_after()
            await asyncio.sleep(_LOOK_EVERY_S)


def _courier(book: Book, configuration: Configuration) -> Courier | None:
    if configuration.webhook_url is None or configuration.stripe_webhook_secret is None:
        return None
    return Courier(
        book,
        url=configuration.webhook_url,
        letter=letter(book, configuration.stripe_webhook_secret),
        retry_after_s=configuration.retry_after_s,
    )


def _token(length: int) -> str:
    return "".join(secrets.choice(_SIGNS) for _ in range(length))
