"""Who may see a page: the signed-in person, or they go and sign in first.

A fragment asked for by htmx sends the whole page to the sign-in, never a form into a corner.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

from tallystick.web.people.models import Person

__all__ = ["View", "is_fragment", "person_of", "signed_in"]

View = Callable[..., HttpResponse]


def is_fragment(request: HttpRequest) -> bool:
    """Return whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def signed_in(view: View) -> View:
    """Make a view that serves signed-in people and sends others to the sign-in."""
    guarded = login_required(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_fragment(request) and not request.user.is_authenticated:
            return HttpResponse(headers={"HX-Redirect": resolve_url("account_login")})
        return guarded(request, *args, **kwargs)

    return answer


def person_of(request: HttpRequest) -> Person:
    """Return the signed-in person."""
    return cast("Person", request.user)
