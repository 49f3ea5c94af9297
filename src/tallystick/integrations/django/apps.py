"""The app's entry, as Django finds it."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["TallystickConfig"]


class TallystickConfig(AppConfig):
    """Tallystick in a team's Django project; its tables are migrated by `migrate_tallystick`."""

    name = "tallystick.integrations.django"
    label = "tallystick"
    verbose_name = "Tallystick"
    default = True
