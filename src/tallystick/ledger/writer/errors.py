"""Why the Writer gives no outcome.

WriterError
├── WriterFull       too many deeds wait already
├── AccountBusy      somebody else held an account of the deed for too long
├── WriterClosed     the process ends
└── OutcomeUnknown   the database went away at the commit: the deed may have happened
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["AccountBusy", "OutcomeUnknown", "WriterClosed", "WriterError", "WriterFull"]


class WriterError(TallystickError):
    """The Writer gives no outcome; but for OutcomeUnknown nothing was done."""

    code = "writer_error"


class WriterFull(WriterError):
    """Too many deeds wait already; nothing was done."""

    code = "writer_full"


class AccountBusy(WriterError):
    """Somebody else held an account of the deed until its deadline; nothing was done."""

    code = "account_busy"


class WriterClosed(WriterError):
    """The process ends and takes no more deeds; nothing was done."""

    code = "writer_closed"


class OutcomeUnknown(WriterError):
    """The database went away at the commit and could not be asked: the deed may have happened.

    Sent again with the same key it happens once.
    """

    code = "outcome_unknown"
