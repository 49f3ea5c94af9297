"""Why a call to a provider was not made.

ResilienceError
├── BreakerOpen      it has failed too often, or calls are paced after such a time
└── BulkheadFull     as many calls of this operation are out as this process may have
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["BreakerOpen", "BulkheadFull", "ResilienceError"]


class ResilienceError(TallystickError):
    """A call was not made: nothing was sent, and it may be asked for again later."""

    code = "resilience_error"

    def __init__(self, sentence: str, name: str, retry_after_s: float) -> None:
        """Keep the operation's name and the seconds after which to ask again."""
        super().__init__(sentence)
        self.name = name
        self.retry_after_s = retry_after_s


class BreakerOpen(ResilienceError):
    """The breaker lets no call out now."""

    code = "breaker_open"

    def __init__(self, name: str, retry_after_s: float) -> None:
        """Keep the operation's name and the seconds after which to ask again."""
        super().__init__(
            f"{name} is not called now: ask again in {retry_after_s:.1f} s.", name, retry_after_s
        )


class BulkheadFull(ResilienceError):
    """Too many calls of this operation are out already."""

    code = "bulkhead_full"

    def __init__(self, name: str, retry_after_s: float) -> None:
        """Keep the operation's name and the seconds after which to ask again."""
        super().__init__(
            f"Too many calls of {name} are out: ask again in {retry_after_s:.1f} s.",
            name,
            retry_after_s,
        )
