"""`/dev/mail`: letters as they lie in the outbox, in development only. Reads only.

Everybody who can reach the page reads everybody's letters: production never serves it.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tallystick import db, ids, mail
from tallystick.ids import IdMalformed
from tallystick.mail import MessageNotFound
from tallystick.web.database import heart

__all__ = ["letter", "letters"]


@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """List the newest letters; as a fragment for a page that stays fresh."""
    _in_development()
    with heart() as conn:
        found, now = mail.recent(conn, limit=50), db.now(conn)
    version = f"{len(found)}-{found[0].id}-{found[0].state}" if found else "0"
    if "seen" in request.GET:
        if request.GET["seen"] == version:
            return HttpResponse(status=204)
        name = "dev/mail_list.html"
    else:
        name = "dev/mail.html"
    return render(request, name, {"letters": found, "now": now, "version": version})


@require_safe
def letter(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Show one letter, its HTML in a frame that can do nothing."""
    _in_development()
    try:
        with heart() as conn:
            found = mail.get(conn, message_id=ids.read("msg", shown_id))
            now = db.now(conn)
    except (IdMalformed, MessageNotFound):
        raise Http404("There is no such letter.") from None
    return render(request, "dev/letter.html", {"letter": found, "now": now})


def _in_development() -> None:
    if not settings.TALLYSTICK.dev_endpoints:
        raise Http404
