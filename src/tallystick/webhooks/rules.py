"""Pure decisions of the inbox: when to try again, and when to give up."""

from __future__ import annotations

from typing import Final

__all__ = ["ATTEMPTS_MAX", "wait_s"]

#: After so many errors an event is failed: a person looks at it and replays it.
ATTEMPTS_MAX: Final = 12


def wait_s(attempts: int) -> int:
    """Return the seconds to wait after so many errors: 1, 2, 4, … up to 15 minutes."""
    return int(min(900, 2 ** max(0, attempts - 1)))
