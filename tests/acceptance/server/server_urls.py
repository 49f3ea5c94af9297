"""Views for the server under test: one that echoes, one that waits, one that breaks."""

from __future__ import annotations

import hashlib
import os
import time

from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.urls import URLPattern, URLResolver, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET
from ninja import NinjaAPI, Schema
from pydantic import ConfigDict, Field

from tallystick import ids
from tallystick.observability.metrics import WriterMetrics
from tallystick.wallets import WalletNotFound
from tallystick.web.api.session import PersonSession
from tallystick.web.parser import StrictParser
from tallystick.web.problems import install

handler400 = "tallystick.web.errors.bad_request"
handler403 = "tallystick.web.errors.forbidden"
handler404 = "tallystick.web.errors.not_found"
handler500 = "tallystick.web.errors.server_error"

#: How long the slow view takes; the tests know it too.
SLOW_S = 1.0
#: How long the view that hangs holds its thread: longer than the server waits for any.
HANG_S = 14.0


def asks(_request: HttpRequest) -> JsonResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({})


@csrf_exempt
def echo(request: HttpRequest) -> JsonResponse:
    headers = {name: text for name, text in request.META.items() if name.startswith("HTTP_")}
    return JsonResponse(
        {
            "method": request.method,
            "size": len(request.body),
            "sha256": hashlib.sha256(request.body).hexdigest(),
            "client": request.META["REMOTE_ADDR"],
            "scheme": request.scheme,
            "headers": headers,
            "pid": os.getpid(),
        }
    )


@csrf_exempt
def note(request: HttpRequest) -> HttpResponse:
    """Leave a mark in a file: whether a cut body ran can be seen by it."""
    with open(os.environ["SERVER_NOTES"], "ab") as notes:  # noqa: PTH123
        notes.write(request.body[:40] + b"\n")
    return HttpResponse(status=204)


@csrf_exempt
@require_GET
def slow(_: HttpRequest) -> HttpResponse:
    time.sleep(SLOW_S)
    return HttpResponse("done")


@require_GET
def hang(_: HttpRequest) -> HttpResponse:
    """Hold a thread for longer than anybody is kept waiting."""
    time.sleep(HANG_S)
    return HttpResponse("done")


@require_GET
def large(_: HttpRequest) -> HttpResponse:
    return HttpResponse(b"x" * 4_000_000, content_type="text/plain")


@require_GET
def pieces(_: HttpRequest) -> StreamingHttpResponse:
    """Answer in many pieces, some time after the client may have left."""
    time.sleep(SLOW_S)
    return StreamingHttpResponse(b"piece" for _ in range(100))


def crash(_: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM a_table_that_is_not_there")
    return HttpResponse()


def crash_with_key(request: HttpRequest, key: str) -> HttpResponse:
    """Break at an address that holds a key, which the error's text repeats."""
    raise RuntimeError(f"/{key} of {request!r}")


def guarded(_: HttpRequest) -> HttpResponse:
    """A form's address, behind the CSRF check like every other."""
    return HttpResponse("sent")


@require_GET
def waiting(request: HttpRequest) -> JsonResponse:
    """Let this process say that so many deeds wait in it as the query has for its number."""
    WriterMetrics().waiting(int(request.GET[str(os.getpid())]))
    return JsonResponse({"pid": os.getpid()})


def _tested() -> list[URLPattern]:
    views = (asks, echo, note, slow, hang, large, pieces, crash, guarded, token, waiting)
    prefixes = ("api/test/", "test/")
    return [path(f"{prefix}{view.__name__}", view) for prefix in prefixes for view in views]


def token(request: HttpRequest) -> HttpResponse:
    """Give the browser a CSRF cookie, as every page with a form does."""
    get_token(request)
    return HttpResponse("a form")


class Sum(Schema):
    """A body as the product's own are: strict, and nothing beside."""

    model_config = ConfigDict(extra="forbid", strict=True)
    amount: int = Field(gt=0, lt=2**53)
    note: str = ""


strict = NinjaAPI(parser=StrictParser(), urls_namespace="strict", docs_url=None)
install(strict)


@strict.post("/sum")
def take(request: HttpRequest, body: Sum) -> dict[str, int]:
    return {"amount": body.amount}


@strict.get("/absent")
def absent(request: HttpRequest) -> None:
    raise WalletNotFound(ids.new())


@strict.get("/broken")
def broken(request: HttpRequest) -> None:
    raise RuntimeError("secret insides")


@strict.get("/list")
def listed(request: HttpRequest, limit: int = 50) -> dict[str, int]:
    return {"limit": limit}


@strict.api_operation(["GET", "POST"], "/mine", auth=PersonSession())
def mine(request: HttpRequest) -> None:
    return None


urlpatterns: list[URLPattern | URLResolver] = [
    path("api/strict/", strict.urls),
    path("test/keys/<path:key>", crash_with_key),
    *_tested(),
]
