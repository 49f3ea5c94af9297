"""What the jobs room speaks of: handlers, their registry, periodic work, drains, queue groups.

It runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tallystick.jobs.errors import HandlerKnown, HandlerUnknown, JobRefused, QueueUnknown
from tallystick.jobs.rules import backoff_s, is_handler_name

__all__ = [
    "GROUPS",
    "QUEUES",
    "Depth",
    "Drain",
    "Handler",
    "Job",
    "JobState",
    "Periodic",
    "Registry",
    "Rescued",
]

#: One process a group, so that a hung webhook never delays money.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "money": ("money",),
    "webhooks": ("webhooks", "notices"),
    "upkeep": ("mail", "upkeep"),
}
QUEUES: Final = tuple(queue for queues in GROUPS.values() for queue in queues)


@dataclass(frozen=True, slots=True)
class Handler:
    """The function behind a job's name, safe to run twice."""

    name: str
    queue: str
    #: Called with the job's arguments by keyword, in a thread, outside any transaction.
    run: Callable[..., None]
    #: Runs in all, crashed ones included, until the job is failed for good.
    attempts_max: int = 8
    #: Seconds to wait after so many runs.
    backoff: Callable[[int], float] = backoff_s

    def __post_init__(self) -> None:
        """Raise JobRefused or QueueUnknown for a handler that could never run."""
        if not is_handler_name(self.name):
            raise JobRefused(f"A handler's name reads like room.verb, not {self.name[:40]!r}.")
        if self.queue not in QUEUES:
            raise QueueUnknown(f"Handler {self.name}: there is no queue {self.queue[:40]!r}.")
        if self.attempts_max < 1:
            raise JobRefused(f"Handler {self.name} must be allowed one run at least.")


@dataclass(frozen=True, slots=True)
class Periodic:
    """A job without arguments, enqueued once in every `every_s` seconds, for the whole fleet.

    It is left out while the one before it still waits or runs.
    """

    name: str
    every_s: int

    def __post_init__(self) -> None:
        """Raise JobRefused for a rhythm faster than once a second."""
        if self.every_s < 1:
            raise JobRefused(f"Periodic {self.name}: every_s must be 1 or more.")


@dataclass(frozen=True, slots=True)
class Drain:
    """A loop over rows that are their own queue, in the process of a group.

    `run` handles what it finds, `most` at a time, and returns how many it handled. It is called
    when somebody notifies `channel`, and each second in any case; at once again where it found as
    many as it takes.
    """

    name: str
    group: str
    channel: str
    run: Callable[[], int]
    most: int

    def __post_init__(self) -> None:
        """Raise QueueUnknown for a group that has no process, JobRefused where it takes nothing."""
        if self.most < 1:
            raise JobRefused(f"Drain {self.name}: it takes 1 at a time or more.")
        if self.group not in GROUPS:
            raise QueueUnknown(f"Drain {self.name}: there is no group {self.group[:40]!r}.")


class Registry:
    """Every handler by its name, and what is enqueued by the clock."""

    def __init__(self) -> None:
        """Begin with no handler."""
        self._handlers: Final[dict[str, Handler]] = {}
        self._periodics: Final[dict[str, Periodic]] = {}

    def add(self, handler: Handler) -> None:
        """Take a handler in; raise HandlerKnown where its name is taken."""
        if handler.name in self._handlers:
            raise HandlerKnown(f"There are two handlers named {handler.name}.")
        self._handlers[handler.name] = handler

    def add_periodic(self, periodic: Periodic) -> None:
        """Have a handler's job enqueued by the clock; raise HandlerUnknown or HandlerKnown."""
        self.get(periodic.name)
        if periodic.name in self._periodics:
            raise HandlerKnown(f"{periodic.name} has a rhythm already.")
        self._periodics[periodic.name] = periodic

    def get(self, name: str) -> Handler:
        """Return the handler; raise HandlerUnknown."""
        if name not in self._handlers:
            raise HandlerUnknown(f"There is no handler {name[:128]!r}.")
        return self._handlers[name]

    @property
    def periodics(self) -> tuple[Periodic, ...]:
        """Return what is enqueued by the clock."""
        return tuple(self._periodics.values())

    def __contains__(self, name: object) -> bool:
        """Return whether there is a handler of this name."""
        return name in self._handlers

    def __iter__(self) -> Iterator[Handler]:
        """Give every handler."""
        return iter(self._handlers.values())


@dataclass(frozen=True, slots=True)
class Depth:
    """How much work a queue holds."""

    #: Waiting, and may run now.
    due: int
    #: Waiting for their time.
    later: int
    running: int


@dataclass(frozen=True, slots=True)
class Rescued:
    """What became of jobs whose process died, by their ids."""

    again: tuple[int, ...] = ()
    poisoned: tuple[int, ...] = ()


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"  #: it waits, for a worker or for its time
    RUNNING = "running"  #: a worker has it
    SUCCEEDED = "succeeded"
    FAILED = "failed"  #: for good
    CANCELLED = "cancelled"  #: somebody took it back


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of background work, without its arguments. Moments are the raw database clock's."""

    id: int
    name: str
    queue: str
    state: JobState
    #: Runs that have ended.
    attempts: int
    created_at: datetime
    #: None while it may still run.
    finished_at: datetime | None
