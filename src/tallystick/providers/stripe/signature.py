"""Stripe's webhook signature: HMAC-SHA256 over `timestamp.body`, near to now on both sides.

Source: https://docs.stripe.com/webhooks#verify-manually. The SDK's check takes stamps from
the future and raises TypeError or UnicodeDecodeError on hostile input; this one refuses.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

from tallystick.webhooks import SignatureInvalid

__all__ = ["TOLERANCE_S", "check"]

#: Stripe's own tolerance in seconds, held on both sides.
TOLERANCE_S: Final = 300
_HEADER_MAX: Final = 2048
_STAMP_DIGITS_MAX: Final = 12


def check(raw: bytes, header: str, *, secret: str, now: datetime) -> None:
    """Raise SignatureInvalid unless `header` signs these bytes under `secret`, near to `now`."""
    stamp, signatures = _parse(header)
    if abs(now.timestamp() - stamp) > TOLERANCE_S:
        raise SignatureInvalid(f"The signature's time is more than {TOLERANCE_S} s away from now.")
    signed = str(stamp).encode() + b"." + raw
    expected = hmac.digest(secret.encode(), signed, "sha256").hex().encode()
    # All are compared, so that the time taken tells nothing about which one fits.
    fits = [hmac.compare_digest(expected, given) for given in signatures]
    if not any(fits):
        raise SignatureInvalid("The signature does not fit the body.")


def _parse(header: str) -> tuple[int, list[bytes]]:
    """Return the one timestamp and all v1 signatures of a Stripe-Signature header."""
    if not header or len(header) > _HEADER_MAX or not header.isascii():
        raise SignatureInvalid("The Stripe-Signature header is missing or malformed.")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value.encode() for name, _, value in pairs if name == "v1"]
    if len(stamps) != 1 or not stamps[0].isdecimal() or len(stamps[0]) > _STAMP_DIGITS_MAX:
        raise SignatureInvalid("The Stripe-Signature header needs one timestamp: t=…")
    if not signatures:
        raise SignatureInvalid("The Stripe-Signature header needs a signature: v1=…")
    return int(stamps[0]), signatures
