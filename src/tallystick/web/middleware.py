"""What surrounds every Django view: error bodies, the database's gate, sessions' ends.

Each does one thing and says why it stands where the settings put it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final
from uuid import UUID

import psycopg
import structlog
from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.auth.signals import user_logged_in
from django.db import Error, connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from tallystick import keys
from tallystick.web.database import GATE, heart, is_outage
from tallystick.web.errors import answer
from tallystick.web.problems import PROBLEM_TYPE, code_of_status, is_api, problem

__all__ = ["DatabaseGate", "ErrorBodies", "KeyUse", "NoStore", "SessionLifetime"]

log: Final = structlog.get_logger(__name__)

_GetResponse = Callable[[HttpRequest], HttpResponse]
#: Where a session keeps the time of its sign-in, in seconds since 1970.
_SIGNED_IN_AT: Final = "signed_in_at"
#: What an open page asks for by itself: nobody's doing, so that it renews no session.
_POLLED: Final = "/live"
_KEPT: Final = ("Allow", "WWW-Authenticate", "Retry-After")


class ErrorBodies:
    """Give every error reply its form: outermost, because any layer may answer bare."""

    def __init__(self, get_response: _GetResponse) -> None:
        """Keep the rest of the chain."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the reply, with a problem document or a page where it is a bare error."""
        response = self._get_response(request)
        status = response.status_code
        if status < 400 or response.get("Content-Type", "").startswith(PROBLEM_TYPE):  # noqa: PLR2004 - HTTP's own number
            return response
        if not is_api(request.path) and (response.streaming or response.content):
            return response
        formed = (
            problem(request, code_of_status(status))
            if is_api(request.path)
            else answer(request, code_of_status(status))
        )
        formed.status_code = status
        formed.cookies = response.cookies
        for name in _KEPT:
            if name in response:
                formed[name] = response[name]
        return formed


class DatabaseGate:
    """Answer 503 at once while the database is away: before sessions, after static files."""

    def __init__(self, get_response: _GetResponse) -> None:
        """Keep the rest of the chain."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the reply, or 503 for all but the one request that tries again."""
        if GATE.is_open:
            return self._get_response(request)
        if not (GATE.admit() and _reached()):
            return answer(request, "database_unavailable")
        return self._get_response(request)


def _reached() -> bool:
    """Return whether the database answers again, and tell the gate."""
    try:
        connection.ensure_connection()
    except Exception as error:
        GATE.failed()
        if is_outage(error):
            return False
        raise
    GATE.succeeded()
    return True


class KeyUse:
    """Note that a key was used, once the request is over and whatever became of it.

    Outside of the view's transaction. A note that cannot be made is missed by nobody who pays.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        """Keep the rest of the chain."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the reply, with the use noted that the Bearer door found to be news."""
        response = self._get_response(request)
        used: tuple[UUID, datetime] | None = vars(request).get("key_use")
        if used is not None:
            key_id, now = used
            try:
                with heart() as conn:
                    keys.note_use(conn, key_id=key_id, now=now)
            except (Error, psycopg.Error) as trouble:
                log.warning("key_use_not_noted", trouble=repr(trouble))
        return response


class NoStore:
    """Keep pages and replies out of every cache, unless the view said otherwise."""

    def __init__(self, get_response: _GetResponse) -> None:
        """Keep the rest of the chain."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the reply with Cache-Control."""
        response = self._get_response(request)
        if "Cache-Control" not in response:
            response["Cache-Control"] = "no-store"
        return response


class SessionLifetime:
    """End a session at its absolute age, however busy it is; and name the person for the log.

    The idle limit is the session cookie's own age, which every request but a page's own polls
    renews. Behind authentication, because it signs out.
    """

    def __init__(self, get_response: _GetResponse) -> None:
        """Keep the rest of the chain."""
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the reply, as to nobody where the session is too old."""
        if SESSION_KEY in request.session:
            # A session that was never stamped counts from here: no session lives without an end.
            since = request.session.setdefault(_SIGNED_IN_AT, int(time.time()))
            if time.time() - since >= settings.SESSION_ABSOLUTE_S:
                logout(request)
        if not request.path.endswith(_POLLED) and not request.session.is_empty():
            request.session.modified = True
        response = self._get_response(request)
        exchange = request.META.get("asgi.scope", {}).get("tallystick")
        if exchange is not None and SESSION_KEY in request.session:
            exchange.person = request.session[SESSION_KEY]
        return response


@receiver(user_logged_in)
def _stamp(request: HttpRequest | None = None, **_: object) -> None:
    """Begin the absolute age anew at each sign-in."""
    if request is not None:
        request.session[_SIGNED_IN_AT] = int(time.time())
