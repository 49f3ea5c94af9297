"""What is kept of a request that was decided. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: what its replay gets."""

    #: HTTP's number; 200 for what came through no HTTP.
    status: int
    #: The response, byte for byte.
    response: bytes
