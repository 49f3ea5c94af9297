"""Whether the books balance, asked again and again without ever being a burden. Reads only."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from tallystick import ledger
from tallystick.db import Connection

__all__ = ["Verdict", "verdict"]

#: A verification may be repeated after so many times as long as it took: books grow.
_REST_TIMES: Final = 10


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `ledger.verify` said."""

    #: The breaches, as sentences; none in books that balance.
    breaches: tuple[str, ...]
    entries: int
    took_ms: int


class _Auditor:
    """The last verdict of this process, and when the next may be asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last: Verdict | None = None
        self._due_at = 0.0

    def ask(self, conn: Connection, *, is_wanted_now: bool) -> Verdict:
        with self._lock:
            if self._last is None or is_wanted_now or time.monotonic() >= self._due_at:
                self._last = self._verify(conn)
            return self._last

    def _verify(self, conn: Connection) -> Verdict:
        begun, counted = time.monotonic(), [0]
        breaches = ledger.verify(conn, on_progress=lambda _, total: counted.append(total))
        took_s = time.monotonic() - begun
        self._due_at = time.monotonic() + _REST_TIMES * took_s
        return Verdict(tuple(str(one) for one in breaches), counted[-1], round(took_s * 1000))


_AUDITOR: Final = _Auditor()


def verdict(conn: Connection, *, is_wanted_now: bool = False) -> Verdict:
    """Return what verifying the books says: just now, or not long ago unless it is wanted now."""
    return _AUDITOR.ask(conn, is_wanted_now=is_wanted_now)
