"""Problems as Django's replies, and the API's exception handlers.

The handlers translate; they log nothing that a request's own line does not say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from tallystick import observability
from tallystick.db import DatabaseUnavailable
from tallystick.errors import TallystickError
from tallystick.wallets import NoCover
from tallystick.web.database import GATE
from tallystick.web.problems.catalogue import code_of_status, status_of
from tallystick.web.problems.errors import DoorError, QueryInvalid
from tallystick.web.problems.replies import PROBLEM_TYPE, FieldError, encode

__all__ = ["from_error", "install", "problem"]

_CSRF_REFUSAL = "CSRF check Failed"


def problem(
    request: HttpRequest,
    code: str,
    *,
    detail: str = "",
    errors: Iterable[FieldError] = (),
    headers: Mapping[str, str] | None = None,
    facts: Mapping[str, object] | None = None,
) -> HttpResponse:
    """Return the problem document of a code as the answer to this request."""
    status, body = encode(
        code,
        instance=request.path,
        request_id=observability.request_id(),
        detail=detail,
        errors=errors,
        facts=facts,
    )
    extra = {"Cache-Control": "no-store", **_usual_headers(status), **(headers or {})}
    return HttpResponse(body, status=status, content_type=PROBLEM_TYPE, headers=extra)


def from_error(request: HttpRequest, error: TallystickError) -> HttpResponse:
    """Return the answer for an expected failure; raise it again where no door knows it."""
    status, _ = status_of(error.code)
    if status == 500:  # noqa: PLR2004 - HTTP's number for our own mistakes
        raise error
    if isinstance(error, DatabaseUnavailable):
        GATE.failed()
    headers = error.headers if isinstance(error, DoorError) else {}
    field = error.parameter if isinstance(error, QueryInvalid) else error.field
    errors = [FieldError(field, error.code, str(error))] if field else []
    return problem(
        request, error.code, detail=str(error), errors=errors, headers=headers, facts=_facts(error)
    )


def _facts(error: TallystickError) -> Mapping[str, object]:
    """Return what the caller may know of their own beside the sentence."""
    if isinstance(error, NoCover):
        balance = error.balance
        return {"balance": {"amount": balance.minor, "currency": balance.currency.code}}
    return {}


def install(api: NinjaAPI) -> None:
    """Make the API answer every failure with a problem document."""
    api.add_exception_handler(TallystickError, _expected)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(Http404, _not_found)
    api.add_exception_handler(Exception, _unexpected)


def _usual_headers(status: int) -> Mapping[str, str]:
    match status:
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="tallystick"'}
        case 503:
            return {"Retry-After": "1"}
        case _:
            return {}


def _expected(request: HttpRequest, error: TallystickError | type[TallystickError]) -> HttpResponse:
    assert isinstance(error, TallystickError)
    return from_error(request, error)


def _invalid(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    assert isinstance(error, ValidationError)
    errors = [_field_error(found) for found in error.errors]
    detail = "See errors: each names a field and says what is wrong with it."
    return problem(request, "request_invalid", detail=detail, errors=errors)


def _field_error(found: Mapping[str, Any]) -> FieldError:
    source, *place = (str(part) for part in found["loc"])
    # The API names a body's parameter too, which the caller does not know.
    place = place[1:] if source == "body" and len(place) > 1 else place
    return FieldError(".".join(place) or source, str(found["type"]), str(found["msg"]))


def _http_error(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    assert isinstance(error, HttpError)
    if isinstance(error.__cause__, TallystickError):
        return from_error(request, error.__cause__)
    if error.message == _CSRF_REFUSAL:
        return problem(request, "csrf_failed", detail="Send the CSRF token of your session.")
    return problem(request, code_of_status(error.status_code))


def _not_found(request: HttpRequest, _: Http404 | type[Http404]) -> HttpResponse:
    return problem(request, "not_found")


def _unexpected(_: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    # Django rolls the request's transaction back, logs the error and asks our error view.
    raise error
