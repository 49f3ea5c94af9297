"""The Writer: what arrives while a batch is in flight forms the next one.

One thread and one connection a process do the deeds of all its callers, so that a hot account is
as fast as a thousand cold ones. It is the server's; the library uses its caller's transaction.
"""

from __future__ import annotations

from tallystick.ledger.writer.errors import (
    AccountBusy,
    OutcomeUnknown,
    WriterClosed,
    WriterError,
    WriterFull,
)
from tallystick.ledger.writer.model import Gauges
from tallystick.ledger.writer.promise import Promise
from tallystick.ledger.writer.writer import Writer

__all__ = [
    "AccountBusy",
    "Gauges",
    "OutcomeUnknown",
    "Promise",
    "Writer",
    "WriterClosed",
    "WriterError",
    "WriterFull",
]
