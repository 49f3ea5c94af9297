"""Addresses of the lab."""

from __future__ import annotations

from django.urls import URLPattern, path

from tallystick.web.lab import views

__all__ = ["urlpatterns"]

urlpatterns: list[URLPattern] = [
    path("dev/lab", views.lab, name="lab"),
    path("dev/lab/live", views.live, name="lab_live"),
    path("dev/lab/do/<slug:name>", views.deed, name="lab_deed"),
]
