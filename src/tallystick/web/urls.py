"""The addresses: the API, operators' pages, people's own pages, and everybody's."""

from __future__ import annotations

from django.urls import include, path

from tallystick.web.api import api

__all__ = ["urlpatterns"]

urlpatterns = [
    path("api/", api.urls),
    path("operators/", include("tallystick.web.operators.urls")),
    path("", include("tallystick.web.people.urls")),
    path("", include("tallystick.web.pages.urls")),
    path("", include("tallystick.web.lab.urls")),
]

handler400 = "tallystick.web.errors.bad_request"
handler403 = "tallystick.web.errors.forbidden"
handler404 = "tallystick.web.errors.not_found"
handler500 = "tallystick.web.errors.server_error"
