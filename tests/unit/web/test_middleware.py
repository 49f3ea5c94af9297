"""A session's absolute end, however busy it is."""

from __future__ import annotations

import time
from typing import Any

import django
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse

django.setup()

from django.contrib.auth import SESSION_KEY  # noqa: E402 - Django must be set up first
from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.contrib.auth.signals import user_logged_in  # noqa: E402
from django.contrib.sessions.backends.signed_cookies import SessionStore  # noqa: E402

from tallystick.web.edge import Exchange  # noqa: E402
from tallystick.web.middleware import NoStore, SessionLifetime  # noqa: E402

DAY_S = 86_400


def _request(**session: Any) -> HttpRequest:
    request = HttpRequest()
    request.user = AnonymousUser()
    request.session = SessionStore()
    request.session.update(session)
    return request


def _is_signed_in_after(request: HttpRequest) -> bool:
    SessionLifetime(lambda _: HttpResponse())(request)
    return SESSION_KEY in request.session


class TestSessionLifetime:
    @pytest.mark.parametrize(
        ("age_s", "expected"), [(0, True), (DAY_S - 60, True), (DAY_S, False), (10 * DAY_S, False)]
    )
    def test_ends_a_session_at_its_age(self, age_s: int, *, expected: bool) -> None:
        request = _request(**{SESSION_KEY: "1", "signed_in_at": int(time.time()) - age_s})
        assert _is_signed_in_after(request) is expected

    def test_counts_from_here_where_nothing_was_stamped(self) -> None:
        request = _request(**{SESSION_KEY: "1"})
        assert _is_signed_in_after(request)
        assert request.session["signed_in_at"] == pytest.approx(time.time(), abs=5)

    def test_leaves_a_stranger_without_a_session(self) -> None:
        request = _request()
        assert not _is_signed_in_after(request)
        assert not request.session.keys()

    def test_names_the_person_for_the_line_in_the_log(self) -> None:
        scope: dict[str, Any] = {"method": "GET", "path": "/", "headers": []}
        exchange = Exchange.of(scope, scheme="http", trusted_proxies=0)
        request = _request(**{SESSION_KEY: "a-person"})
        request.META["asgi.scope"] = {"tallystick": exchange}
        assert _is_signed_in_after(request)
        assert exchange.person == "a-person"

    def test_begins_anew_at_each_sign_in(self) -> None:
        request = _request(**{SESSION_KEY: "1", "signed_in_at": 1})
        user_logged_in.send_robust(object, request=request, user=None)
        assert request.session["signed_in_at"] == pytest.approx(time.time(), abs=5)


class TestIdleLimit:
    @pytest.mark.parametrize(
        ("path", "expected"),
        [("/", True), ("/settings", True), ("/overview/live", False), ("/payments/p/live", False)],
    )
    def test_is_renewed_by_what_a_person_does_alone(self, path: str, *, expected: bool) -> None:
        request = _request(**{SESSION_KEY: "1", "signed_in_at": int(time.time())})
        request.session.modified = False
        request.path = path
        assert _is_signed_in_after(request)
        assert request.session.modified is expected

    def test_is_renewed_by_nothing_else(self) -> None:
        assert settings.SESSION_SAVE_EVERY_REQUEST is False

    def test_makes_no_session_for_a_stranger(self) -> None:
        request = _request()
        request.session.modified = False
        assert not _is_signed_in_after(request)
        assert request.session.modified is False


class TestNoStore:
    def test_keeps_what_the_view_said(self) -> None:
        said = HttpResponse(headers={"Cache-Control": "public"})
        assert NoStore(lambda _: said)(_request())["Cache-Control"] == "public"

    def test_keeps_everything_else_out_of_caches(self) -> None:
        assert NoStore(lambda _: HttpResponse())(_request())["Cache-Control"] == "no-store"
