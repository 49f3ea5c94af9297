"""The Bearer door: a program's key in the Authorization header, for one scope.

Whatever is wrong with a key, the answer is the same as without one. Nothing of a key is logged
but its id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.security import HttpBearer

from tallystick import ids, keys
from tallystick.errors import TallystickError
from tallystick.keys import KeyRefused, Scope
from tallystick.web.api.session import Caller, PersonSession, is_key_in_address
from tallystick.web.database import whole_heart
from tallystick.web.house import house

__all__ = ["CredentialsAmbiguous", "KeyBearer", "callers"]


class CredentialsAmbiguous(TallystickError):
    """A session and a key came together: it is not clear who calls."""

    code = "credentials_ambiguous"


class KeyBearer(HttpBearer):
    """Takes a key that has the scope. It needs no CSRF token: no browser sends it by itself."""

    def __init__(self, scope: Scope) -> None:
        """Keep the scope that the operation needs."""
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Caller | None:
        """Return the caller, or None without a valid key.

        Raises CredentialsAmbiguous beside a session's cookie, and ScopeMissing.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            raise CredentialsAmbiguous("Send a key or a session's cookie, never both.")
        scheme, _, token = header.partition(" ")
        if scheme.lower() != self.openapi_scheme or is_key_in_address(request):
            return None
        return self.authenticate(request, token)

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:
        """Return the key's caller, or None where it opens nothing; raise ScopeMissing."""
        with whole_heart() as conn:
            try:
                key, now = keys.verify(conn, presented=token, environment=house().key_environment)
            except KeyRefused:
                return None
        if keys.is_use_news(key, now):
            # Noted by the middleware: it was used, also where the request is refused and undone.
            vars(request)["key_use"] = key.id, now
        exchange = request.META.get("asgi.scope", {}).get("tallystick")
        if exchange is not None:
            exchange.key_id = ids.show("key", key.id)
        keys.check_scope(key, self.scope)
        return Caller(key.caller, key.owner, now=now)


def callers(scope: Scope) -> list[Callable[[HttpRequest], Any]]:
    """Return who may call an operation: a key that has the scope, or a signed-in person."""
    return [KeyBearer(scope), PersonSession()]
