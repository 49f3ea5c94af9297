"""The people's pages that are not allauth's."""

from __future__ import annotations

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tallystick.web.people.forms import Profile
from tallystick.web.people.models import Person

__all__ = ["profile"]


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Show a person their name and handle, and let them change both."""
    person = cast("Person", request.user)
    form = Profile(request.POST or None, instance=person)
    if request.method == "POST" and form.is_valid() and form.try_save():
        messages.success(request, "Saved.")
        return redirect("settings_profile")
    status = 422 if form.errors else 200
    return render(request, "people/profile.html", {"form": form}, status=status)
