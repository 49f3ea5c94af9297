"""The people's Django app."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["PeopleConfig"]


class PeopleConfig(AppConfig):
    """Names the app `people`, as the user model `people.Person` needs."""

    name = "tallystick.web.people"
    label = "people"
    verbose_name = "People"
