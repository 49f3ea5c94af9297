"""What the caretaker of `tallystick start` does: trouble to order, for `/dev/lab`.

It kills and stops what this very start has started, and refuses with a sentence where a part of
the house is the person's own. It takes no number of a process from anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import psycopg

from tallystick import db
from tallystick.caretaker import Answer, Member, Order
from tallystick.cli.household import Household
from tallystick.db import Connection, DatabaseError
from tallystick.embedded import EmbeddedError, Running
from tallystick.process import children, kill_child

__all__ = ["Caretaking"]

#: The group that calls providers.
_MONEY: Final = "money"
_THREE_DAYS_S: Final = 3 * 86_400


class _Refused(Exception):
    """It is not done; the text is the sentence for the person."""


@dataclass(frozen=True)
class Caretaking:
    """The parts of a house that its caretaker may lay hands on."""

    household: Household
    #: None where database and cache are the person's own.
    engines: Running | None
    #: The address by which the test clock is moved; None where we do not own the database.
    owner_url: str | None

    def obey(self, order: Order) -> Answer:
        """Carry out an order; return what was done, or why it was not."""
        deeds: Mapping[Order, Callable[[], None]] = {
            Order.LOOK: lambda: None,
            Order.KILL_WORKER: self._kill_worker,
            Order.STOP_CACHE: self._stop_cache,
            Order.START_CACHE: self._start_cache,
            Order.MOVE_CLOCK: self._move_clock,
            Order.CLOCK_BACK: self._clock_back,
        }
        try:
            deeds[order]()
        except (_Refused, EmbeddedError, DatabaseError, psycopg.Error) as refusal:
            # Whatever it is, the house goes on: it is the caller's trouble alone.
            return self._answer(why=str(refusal) or type(refusal).__name__)
        return self._answer()

    def _answer(self, why: str = "") -> Answer:
        parent = self.household.pid("worker")
        found = {} if parent is None else children(parent)
        return Answer(
            is_done=not why,
            why=why,
            workers=tuple(Member(name, pid) for pid, name in sorted(found.items())),
            is_cache_up=None if self.engines is None else self.engines.cache.is_up,
        )

    def _kill_worker(self) -> None:
        parent = self.household.pid("worker")
        if parent is None or kill_child(parent, _MONEY) is None:
            raise _Refused("No process works the money queue just now: it is being started again.")

    def _stop_cache(self) -> None:
        self._own_engines().cache.stop()

    def _start_cache(self) -> None:
        self._own_engines().cache.start_again()

    def _own_engines(self) -> Running:
        if self.engines is None:
            raise _Refused("The cache is your own: stop and start it yourself.")
        return self.engines

    def _move_clock(self) -> None:
        with self._as_owner() as conn:
            db.advance(conn, seconds=_THREE_DAYS_S, environment="development")

    def _clock_back(self) -> None:
        with self._as_owner() as conn:
            db.back(conn, environment="development")

    def _as_owner(self) -> AbstractContextManager[Connection]:
        if self.owner_url is None:
            raise _Refused("The database is your own, and its clock is left alone.")
        return db.connect(self.owner_url, application_name="tallystick-start")
