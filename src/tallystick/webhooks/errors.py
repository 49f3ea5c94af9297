"""Why the inbox takes nothing.

WebhookError
├── SignatureInvalid   nobody who knows the secret sent it, or not now
└── EventMalformed     it is signed, but it is no event
"""

from __future__ import annotations

from tallystick.errors import TallystickError

__all__ = ["EventMalformed", "SignatureInvalid", "WebhookError"]


class WebhookError(TallystickError):
    """The inbox took nothing."""

    code = "webhook_error"


class SignatureInvalid(WebhookError):
    """The signature is missing, wrong, or too far from now on either side."""

    code = "webhook_signature_invalid"


class EventMalformed(WebhookError):
    """The body is signed, but it is no event that can be read."""

    code = "webhook_malformed"
