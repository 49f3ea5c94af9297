"""Who may see operators' pages: operators. For other people there is nothing here."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from tallystick.web.pages.access import View, person_of, signed_in

__all__ = ["operators_only"]


def operators_only(view: View) -> View:
    """Make a view that serves operators, hides from others, and sends strangers to the sign-in."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not person_of(request).is_operator:
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(answer)
