"""Why the mail room refuses.

MailError
└── MessageNotFound   no such letter
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["MailError", "MessageNotFound"]


class MailError(TallystickError):
    """Something is wrong with a letter."""

    code = "mail_error"


class MessageNotFound(MailError):
    """There is no such letter."""

    code = "message_not_found"
