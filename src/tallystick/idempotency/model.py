"""What a request asks under its key, and what is kept of how it ended. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Claim", "Name", "Outcome", "Record"]

#: Caller and key: what there is one record of.
Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of a caller's, and what the request with it asks."""

    caller: str
    key: str
    #: SHA-256 of what is asked: the same key with another one is refused.
    fingerprint: bytes

    @property
    def name(self) -> Name:
        """Return caller and key: what there is one of."""
        return self.caller, self.key


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: what its replay gets."""

    #: HTTP's number; 200 for what came through no HTTP.
    status: int
    #: The response, byte for byte.
    response: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What stands for a key."""

    fingerprint: bytes
    #: None where the request has no outcome yet.
    outcome: Outcome | None
