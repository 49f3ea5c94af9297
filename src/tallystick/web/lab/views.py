"""The lab's page, its live part, and the door of its buttons.

No transaction is open while the simulator or the caretaker is asked: each deed has its own.
"""

from __future__ import annotations

import hashlib

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_POST, require_safe

from tallystick.errors import TallystickError
from tallystick.money import Money, MoneyMalformed
from tallystick.web.lab.bench import Bench, NothingThere, bench_of, keep_shown
from tallystick.web.lab.buttons import AMOUNTS, BUTTONS, CARDS, GROUPS, STARTS
from tallystick.web.lab.seen import look
from tallystick.web.pages.access import is_fragment, signed_in

__all__ = ["deed", "lab", "live"]


@transaction.non_atomic_requests
@require_safe
@signed_in
def lab(request: HttpRequest) -> HttpResponse:
    """Show the bench: buttons, and what happens beside them."""
    bench = bench_of(request)
    told = {"amounts": AMOUNTS, "cards": CARDS, "groups": GROUPS, "live": _live(bench)[0]}
    return render(request, "dev/lab.html", told)


@transaction.non_atomic_requests
@require_safe
@signed_in
def live(request: HttpRequest) -> HttpResponse:
    """Return what moves on the page; 204 where the page shows it already."""
    content, version = _live(bench_of(request))
    if request.GET.get("seen") == version:
        return HttpResponse(status=204)
    return HttpResponse(content)


@transaction.non_atomic_requests
@require_POST
@signed_in
def deed(request: HttpRequest, name: str) -> HttpResponse:
    """Do what a button stands for, and say what was done or why it was not."""
    bench = bench_of(request)
    try:
        said, tone = _do(bench, name, request.POST.get("amount", "")), "success"
    except TallystickError as refusal:
        said, tone = str(refusal), "warning"
    keep_shown(request, bench)
    if is_fragment(request):
        told = {"said": said, "tone": tone}
        answer = render(request, "dev/lab/said.html", told)
        answer["HX-Trigger"] = "lab"
        return answer
    level = messages.SUCCESS if tone == "success" else messages.WARNING
    messages.add_message(request, level, said)
    return redirect("lab")


def _do(bench: Bench, name: str, amount: str) -> str:
    if name in STARTS:
        return STARTS[name](bench, _minor(bench, amount))
    if name not in BUTTONS:
        raise Http404
    return BUTTONS[name].run(bench)


def _minor(bench: Bench, amount: str) -> int:
    if amount not in {str(one) for one in AMOUNTS}:
        raise NothingThere("Choose one of the amounts.")
    try:
        return Money.parse_major(amount, bench.wallet().currency).minor
    except MoneyMalformed as refusal:
        raise NothingThere(str(refusal)) from None


def _live(bench: Bench) -> tuple[str, str]:
    """Return the live part with its version: what it shows, but for how long that took."""
    seen = look(bench)
    inner = render_to_string("dev/lab/inner.html", {"seen": seen})
    version = hashlib.sha256(inner.encode()).hexdigest()[:16]
    outer = {"inner": inner, "version": version, "state": seen.file and seen.state}
    return render_to_string("dev/lab/live.html", outer), version
