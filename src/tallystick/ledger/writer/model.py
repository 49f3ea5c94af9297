"""A deed that waits for its outcome, and what the Writer tells of itself. No I/O."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Final, Protocol
from uuid import UUID

from tallystick.idempotency import InFlight
from tallystick.ledger.model import Deed, Refused
from tallystick.ledger.writer.errors import AccountBusy
from tallystick.ledger.writer.promise import Promise

__all__ = ["BATCH_MAX", "Gauges", "Silent", "Ticket"]

#: Deeds of one batch at most.
BATCH_MAX: Final = 1_024
#: Seconds that a deed waits for another transaction that keeps its key.
_KEY_WAIT_S: Final = 2.0


class Gauges(Protocol):
    """What the Writer tells of itself; every call returns at once and raises nothing."""

    def waiting(self, deeds: int) -> None:
        """Take how many deeds wait now in this process."""

    def waiting_slowly(self, deeds: int) -> None:
        """Take how many of them wait for an account or a key that somebody else holds."""

    def batch(self, *, deeds: int, refused: int, replayed: int, seconds: float) -> None:
        """Take a batch that was committed: its deeds, those refused and replayed, its time."""

    def waited(self, seconds: float) -> None:
        """Take how long the oldest deed of a batch took from its handing over to its outcome."""

    def trouble(self, what: str) -> None:
        """Take that something went wrong, by its word."""


class Silent:
    """Gauges that nobody reads."""

    def waiting(self, deeds: int) -> None:
        """Do nothing."""

    def waiting_slowly(self, deeds: int) -> None:
        """Do nothing."""

    def batch(self, *, deeds: int, refused: int, replayed: int, seconds: float) -> None:
        """Do nothing."""

    def waited(self, seconds: float) -> None:
        """Do nothing."""

    def trouble(self, what: str) -> None:
        """Do nothing."""


class Ticket(Promise):
    """A deed that was handed over, and the promise of its outcome."""

    __slots__ = ("_missing", "deed", "give_up_at", "handed_at", "waits_for")

    def __init__(self, deed: Deed, *, deadline_s: float) -> None:
        """Begin to wait; the deadline counts from here, in monotonic seconds."""
        super().__init__()
        self.deed = deed
        self.handed_at = time.monotonic()
        self.give_up_at = self.handed_at + deadline_s
        #: What somebody else holds: an account, a key, or what only this deed knows.
        self.waits_for: Hashable = deed.id
        self._missing: InFlight | None = None

    def wait_for_account(self, account_id: UUID) -> None:
        """Note that somebody else holds one of its accounts."""
        self.waits_for, self._missing = account_id, None

    def wait_for_key(self, missing: InFlight) -> None:
        """Note that somebody else keeps its key: it waits for that no longer than 2 s in all."""
        assert self.deed.once is not None, "only a key is kept"
        self.waits_for, self._missing = self.deed.once.claim.name, missing
        self.give_up_at = min(self.give_up_at, self.handed_at + _KEY_WAIT_S)

    def give_up(self) -> None:
        """End with what it has waited for in vain; nothing was done."""
        if self._missing is not None:
            self.keep(Refused(self.deed, self._missing))
            return
        self.fail(
            AccountBusy("Somebody else is working on this account. Nothing was done; try again.")
        )
