"""Problem documents and the barest page, as bytes: for ASGI and Django alike.

It renders no template and asks no database, so that it works when nothing else does.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from tallystick.web.problems.catalogue import STATUS, status_of

__all__ = ["PROBLEM_TYPE", "PROTECTION", "FieldError", "encode", "is_api", "plain_page"]

PROBLEM_TYPE: Final = "application/problem+json"
_SERVER_FAULT: Final = 500
#: What every answer that Django did not make carries.
PROTECTION: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of the request."""

    field: str
    code: str
    message: str


def is_api(path: str) -> bool:
    """Return whether the path speaks problem+json; everything else speaks pages."""
    return path == "/api" or path.startswith("/api/")


def encode(
    code: str,
    *,
    instance: str,
    request_id: str,
    detail: str = "",
    errors: Iterable[FieldError] = (),
    facts: Mapping[str, object] | None = None,
) -> tuple[int, bytes]:
    """Return status and bytes of a problem document; an unknown code becomes internal_error.

    `facts` are members of their own, which the caller may know.
    A fault of ours tells its title alone: whatever detail there was stays inside.
    """
    if code not in STATUS:
        code, detail = "internal_error", ""
    status, title = status_of(code)
    if status == _SERVER_FAULT:
        detail = "It is logged under the request's id."
    document = {
        "type": f"urn:tallystick:error:{code}",
        "title": title,
        "status": status,
        "detail": detail or f"{title}.",
        "instance": instance,
        "code": code,
        "request_id": request_id,
        "errors": [asdict(error) for error in errors],
        **(facts or {}),
    }
    return status, json.dumps(document, ensure_ascii=True).encode()


def plain_page(status: int, title: str, *, request_id: str) -> bytes:
    """Return the barest page that says what happened, without a template."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title></head><body><main>"
        f"<h1>{status}: {html.escape(title)}</h1>"
        '<p><a href="/">Back to the start</a></p>'
        f"<p><small>Request {html.escape(request_id)}</small></p>"
        "</main></body></html>\n"
    ).encode()
