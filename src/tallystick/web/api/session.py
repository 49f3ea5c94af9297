"""Who calls: a person with a session, or a program with a key, and for whom they act.

A person's writes need a CSRF token. A credential in the address is never taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest
from ninja.security import SessionAuth

from tallystick import db, keys
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.web.people.models import Person

__all__ = [
    "Caller",
    "IdempotencyKeyMalformed",
    "NotForThisCaller",
    "PersonSession",
    "caller_of",
    "every_owner",
    "idempotency_key",
    "is_key_in_address",
    "now_of",
    "operator_of",
    "owner_of",
    "reach_of",
    "seen_owner",
]

#: A quoted structured string or bare text, printable ASCII (draft-ietf-httpapi-idempotency-key).
_KEY: Final = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')


class IdempotencyKeyMalformed(TallystickError):
    """The Idempotency-Key header is missing, or it is no key."""

    code = "idempotency_key_malformed"
    field = "Idempotency-Key"


class NotForThisCaller(TallystickError):
    """Only operators, or keys that reach every owner, may do this."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as `person:<id>` or `key:<id>`, and the one owner they reach (None: every)."""

    name: str
    reach: str | None
    #: A person who looks after what concerns everybody. For oneself one acts as anybody else.
    is_operator: bool = False
    #: The time of the request's transaction, where it was read to know the caller.
    now: datetime | None = None

    @property
    def is_person(self) -> bool:
        """Return whether it is a signed-in person."""
        return self.name.startswith("person:")


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
        assert isinstance(request.user, Person)
        owner = request.user.owner
        return Caller(owner, owner, is_operator=request.user.is_operator)


def is_key_in_address(request: HttpRequest) -> bool:
    """Return whether an API key stands in the query, where proxies and histories keep it."""
    return any(
        keys.holds_key(text) for name, values in request.GET.lists() for text in (name, *values)
    )


def caller_of(request: HttpRequest) -> str:
    """Return who calls; an idempotency key is theirs alone."""
    return _caller(request).name


def now_of(request: HttpRequest, conn: Connection) -> datetime:
    """Return the time of the request's transaction."""
    return _caller(request).now or db.now(conn)


def owner_of(request: HttpRequest, named: str | None = None) -> str:
    """Return the owner for whom the caller acts, who may be named in the request.

    Raises OwnerMissing where the caller reaches every owner and names none, and OwnerNotFound
    for one beyond the caller's reach.
    """
    return keys.acting_owner(_caller(request).reach, named)


def operator_of(request: HttpRequest) -> str:
    """Return the operator who calls; raise NotForThisCaller for anybody else."""
    caller = _caller(request)
    if not caller.is_operator:
        raise NotForThisCaller("This is for operators.")
    return caller.name


def every_owner(request: HttpRequest) -> None:
    """Raise NotForThisCaller for a person who is no operator, and a key of one owner alone."""
    caller = _caller(request)
    if not caller.is_operator and caller.reach is not None:
        raise NotForThisCaller("This is for operators, and for keys that reach every owner.")


def reach_of(request: HttpRequest) -> str | None:
    """Return the one owner whose things the caller reaches, None for everybody's.

    Raises NotForThisCaller for a person who is no operator.
    """
    caller = _caller(request)
    return (
        None if caller.is_operator else operator_of(request) if caller.is_person else caller.reach
    )


def seen_owner(request: HttpRequest, named: str | None = None) -> str | None:
    """Return whose things the caller may look at: an operator who names nobody sees everybody's.

    Raises as `owner_of` does.
    """
    is_open = _caller(request).is_operator and named is None
    return None if is_open else owner_of(request, named)


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
