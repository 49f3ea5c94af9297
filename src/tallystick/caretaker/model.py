"""What a caretaker can be asked, and what it answers; both are one line of JSON. No I/O."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Self

__all__ = ["LINE_BYTES_MAX", "Answer", "Member", "Order"]

#: Longer lines are none of ours.
LINE_BYTES_MAX = 4_096


class Order(StrEnum):
    """The whole list of what a caretaker does."""

    LOOK = "look"  #: tell how the house is; do nothing
    KILL_WORKER = "kill_worker"  #: SIGKILL for the process that works the money queue
    STOP_CACHE = "stop_cache"  #: stop the embedded Valkey
    START_CACHE = "start_cache"  #: start it again, where it was
    MOVE_CLOCK = "move_clock"  #: move the database's test clock three days on
    CLOCK_BACK = "clock_back"  #: the database's clock is the real one again


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the workers' family."""

    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caretaker did, and how the house is after it."""

    is_done: bool
    #: Why not, as a sentence; empty where it was done.
    why: str = ""
    workers: tuple[Member, ...] = ()
    #: None where the house has no cache of its own.
    is_cache_up: bool | None = None

    def line(self) -> bytes:
        """Return the answer as it goes over the line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> Self:
        """Return the answer in a line; raise ValueError, TypeError or KeyError for any other."""
        told = json.loads(line)
        workers = tuple(Member(**one) for one in told.pop("workers"))
        return cls(**told, workers=workers)
