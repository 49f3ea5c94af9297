"""Django's error views: a problem document for programs, a page for people.

Whatever goes wrong while a page is rendered, something plain is still answered. A page for
a fault of ours is rendered without the request, because asking who it is may be the fault.
"""

from __future__ import annotations

import sys
from typing import Final

import structlog
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tallystick import observability
from tallystick.web.database import GATE, is_busy, is_outage
from tallystick.web.problems import is_api, plain_page, problem, status_of

__all__ = ["answer", "bad_request", "csrf_failure", "forbidden", "not_found", "server_error"]

log: Final = structlog.get_logger(__name__)
#: Statuses whose page may greet the person; the others know nothing of the request.
_WITH_REQUEST: Final = {403, 404, 405}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django could not take, as one for a foreign host."""
    if isinstance(exception, DisallowedHost):
        return answer(request, "request_malformed", detail="This host is not served here.")
    return answer(request, "request_malformed")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what may be seen but not done."""
    del exception
    return answer(request, "forbidden")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what is not there, or is another's."""
    del exception
    return answer(request, "not_found")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that does not prove that it came from one of our pages."""
    del reason
    return answer(request, "csrf_failed", detail="Reload the page and send the form again.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer a fault of ours: 503 where the database is away or busy, else 500."""
    if is_outage(sys.exception()):
        GATE.failed()
        return answer(request, "database_unavailable")
    if is_busy(sys.exception()):
        return answer(request, "overloaded")
    return answer(request, "internal_error")


def answer(request: HttpRequest, code: str, *, detail: str = "") -> HttpResponse:
    """Return the answer for a code: a problem document under /api, a page elsewhere."""
    if is_api(request.path):
        return problem(request, code, detail=detail)
    status, title = status_of(code)
    page = _rendered(request, code, {"status": status, "title": title, "detail": detail})
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "1"} if status == 503 else {})  # noqa: PLR2004 - HTTP's own number
    return HttpResponse(page, status=status, headers=headers)


def _rendered(request: HttpRequest, code: str, words: dict[str, object]) -> str | bytes:
    request_id = observability.request_id()
    status, title = status_of(code)
    own = ["errors/403_csrf.html"] if code == "csrf_failed" else []
    try:
        return render_to_string(
            [*own, f"errors/{status}.html", "errors/400.html"],
            {**words, "request_id": request_id},
            request if status in _WITH_REQUEST else None,
        )
    except Exception:  # an error page must not fail for any reason
        log.exception("error_page_failed", code=code)
        return plain_page(status, title, request_id=request_id)
