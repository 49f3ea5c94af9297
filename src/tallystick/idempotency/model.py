"""What a request asks under its key, and what is kept of how it ended. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tallystick import db
from tallystick.idempotency.errors import KeyInvalid

__all__ = ["Claim", "Name", "Outcome", "Record"]

#: Caller and key: what there is one record of.
Name = tuple[str, str]
_CALLER_MAX: Final = 200
_KEY_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of a caller's, and what the request with it asks."""

    caller: str
    key: str
    #: SHA-256 of what is asked: the same key with another one is refused.
    fingerprint: bytes

    def __post_init__(self) -> None:
        """Raise KeyInvalid for what could not be kept."""
        if not (_is_kept(self.caller, _CALLER_MAX) and _is_kept(self.key, _KEY_MAX)):
            raise KeyInvalid(
                f"Give a caller of 1 to {_CALLER_MAX} and a key of 1 to {_KEY_MAX} characters."
            )

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


def _is_kept(text: str, most: int) -> bool:
    return 0 < len(text) <= most and db.is_text(text)
