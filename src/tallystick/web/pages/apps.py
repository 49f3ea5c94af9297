"""The pages' Django app: templates and their filters, no table."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["PagesConfig"]


class PagesConfig(AppConfig):
    """Names the app `pages`."""

    name = "tallystick.web.pages"
    label = "pages"
    verbose_name = "Pages"
