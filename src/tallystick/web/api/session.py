"""Who calls: a person with a session cookie and, for what writes, a CSRF token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.http import HttpRequest
from ninja.security import SessionAuth

from tallystick.errors import TallystickError

if TYPE_CHECKING:
    from tallystick.web.people.models import Person

__all__ = ["IdempotencyKeyMalformed", "PersonSession", "idempotency_key", "owner_of"]

#: A quoted structured string or bare text, printable ASCII (draft-ietf-httpapi-idempotency-key).
_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


class IdempotencyKeyMalformed(TallystickError):
    """The Idempotency-Key header is missing, or it is no key."""

    code = "idempotency_key_malformed"
    field = "Idempotency-Key"


class PersonSession(SessionAuth):
    """Takes the signed-in person of Django's session; checks the CSRF token on writes."""

    def __call__(self, request: HttpRequest) -> Person | None:
        """Return the person, or None for nobody, who then gets 401; a foreign write gets 403."""
        if not request.user.is_authenticated:
            return None
        person: Person | None = super().__call__(request)
        return person

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        """Return the person, whose CSRF token is right by now."""
        del key
        person = request.user
        return person if person.is_authenticated else None


def owner_of(request: HttpRequest) -> str:
    """Return the signed-in person as the heart names an owner."""
    return f"person:{request.user.pk}"


def idempotency_key(request: HttpRequest) -> str:
    """Return the caller's key; raise IdempotencyKeyMalformed where there is none."""
    match = _KEY.fullmatch(request.headers.get("Idempotency-Key", ""))
    if match is None:
        raise IdempotencyKeyMalformed(
            "Send an Idempotency-Key header of 1 to 255 printable signs, a new one for each deed."
        )
    return match[1] or match[2]
