"""`/operators/breakers`: which operations of providers are called now, and a reset by hand.

It shows what the fleet knows. While the fleet's store is away there is nothing to see or to reset.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from tallystick.resilience import BreakerState, BreakerView
from tallystick.web.house import house
from tallystick.web.operators.access import operators_only
from tallystick.web.pages.words import provider_name

__all__ = ["fragment", "listing", "reset"]

_OPERATIONS: Final = {
    "collect": "Asking for payments",
    "refund": "Asking for refunds",
    "look_up": "Asking how something stands",
    "list": "Reading its list of events",
}
_STATES: Final = {
    BreakerState.CLOSED: ("Called", "good"),
    BreakerState.OPEN: ("Not called", "bad"),
    BreakerState.HALF_OPEN: ("Probing", "wait"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A breaker as the page shows it."""

    view: BreakerView
    title: str
    badge: str
    tone: str
    next: str
    since: str

    @property
    def is_closed(self) -> bool:
        """Return whether calls go out."""
        return self.view.state is BreakerState.CLOSED


@require_safe
@operators_only
def listing(request: HttpRequest) -> HttpResponse:
    """Show every breaker that the fleet knows."""
    return render(request, "operators/breakers.html", _context())


@require_safe
@operators_only
def fragment(request: HttpRequest) -> HttpResponse:
    """Return what moves on the page."""
    return render(request, "operators/breakers_live.html", _context())


@require_http_methods(["GET", "HEAD", "POST"])
@operators_only
def reset(request: HttpRequest, name: str) -> HttpResponse:
    """Ask once more, then close the breaker for the whole fleet."""
    found = house().breakers.fleet_views()
    if found is None:
        messages.warning(request, "The store of the breakers is away: nothing can be reset now.")
        return redirect("operators_breakers")
    view = next((view for view in found if view.name == name), None)
    if view is None:
        raise Http404("There is no such breaker.")
    if request.method != "POST":
        return render(request, "operators/breaker_reset.html", {"breaker": _shown(view)})
    title = _shown(view).title
    if house().breakers.reset(name):
        messages.success(request, f"{title}: closed. Calls go out again, slowly at first.")
    else:
        messages.info(request, f"{title}: it was closed already.")
    return redirect("operators_breakers")


def _context() -> dict[str, object]:
    found = house().breakers.fleet_views()
    shown = None if found is None else [_shown(view) for view in found]
    if shown is not None:
        # What is not called wants a look first.
        shown.sort(key=lambda one: one.is_closed)
    return {"breakers": shown, "window_s": round(settings.TALLYSTICK.breaker_window_s)}


def _shown(view: BreakerView) -> Shown:
    provider, _, operation = view.name.partition(".")
    badge, tone = _STATES[view.state]
    since_s = view.opened_ago_s
    return Shown(
        view,
        f"{provider_name(provider)}: {_OPERATIONS.get(operation, operation).lower()}",
        badge,
        tone,
        _next(view),
        "" if since_s is None else f"for {round(since_s)} s",
    )


def _next(view: BreakerView) -> str:
    if view.state is BreakerState.CLOSED:
        return "Calls go out slowly, after a reset." if view.is_paced else "Calls go out at once."
    wait = f"in {math.ceil(view.retry_after_s)} s" if view.retry_after_s else "with the next call"
    if view.state is BreakerState.HALF_OPEN:
        return f"One probe is out. Without its answer, the next goes {wait}."
    return f"What may wait is queued. The next probe goes {wait}."
