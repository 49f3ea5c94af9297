"""Who calls: a person with a session, or a program with a key, and for whom they act.

A person's writes need a CSRF token. A credential in the address is never taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from ninja.security import SessionAuth

from tallystick import keys
from tallystick.errors import TallystickError

__all__ = [
    "Caller",
    "IdempotencyKeyMalformed",
    "PersonSession",
    "caller_of",
    "idempotency_key",
    "is_key_in_address",
    "owner_of",
]

#: A quoted structured string or bare text, printable ASCII (draft-ietf-httpapi-idempotency-key).
_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


class IdempotencyKeyMalformed(TallystickError):
    """The Idempotency-Key header is missing, or it is no key."""

    code = "idempotency_key_malformed"
    field = "Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as `person:<id>` or `key:<id>`, and the one owner they reach (None: every)."""

    name: str
    reach: str | None


class PersonSession(SessionAuth):
    """Takes the signed-in person of Django's session; checks the CSRF token on writes."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        """Return the caller, or None for nobody and for who shows anything but a session."""
        if "Authorization" in request.headers or is_key_in_address(request):
            return None
        # Nobody is told to sign in, before any form is judged.
        if not request.user.is_authenticated:
            return None
        caller: Caller | None = super().__call__(request)
        return caller

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        """Return the signed-in person as a caller."""
        del key
        owner = f"person:{request.user.pk}"
        return Caller(owner, owner)


def is_key_in_address(request: HttpRequest) -> bool:
    """Return whether an API key stands in the query, where proxies and histories keep it."""
    return any(
        keys.holds_key(text) for name, values in request.GET.lists() for text in (name, *values)
    )


def caller_of(request: HttpRequest) -> str:
    """Return who calls; an idempotency key is theirs alone."""
    return _caller(request).name


def owner_of(request: HttpRequest, named: str | None = None) -> str:
    """Return the owner for whom the caller acts, who may be named in the request.

    Raises OwnerMissing where the caller reaches every owner and names none, and OwnerNotFound
    for one beyond the caller's reach.
    """
    return keys.acting_owner(_caller(request).reach, named)


def idempotency_key(request: HttpRequest) -> str:
    """Return the caller's key; raise IdempotencyKeyMalformed where there is none."""
    match = _KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if match is None:
        raise IdempotencyKeyMalformed(
            "Send an Idempotency-Key header of 1 to 255 printable signs, a new one for each deed."
        )
    return match[1] or match[2]


def _caller(request: HttpRequest) -> Caller:
    found = vars(request)["auth"]
    assert isinstance(found, Caller)
    return found
