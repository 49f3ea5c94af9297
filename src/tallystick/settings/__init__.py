"""Settings: one frozen object, read from the environment and `.env`, checked as a whole.

Nothing else reads the environment. Every problem is reported at once, in plain words, and
no problem ever repeats a value: a secret may stand in any variable by mistake.
"""

from __future__ import annotations

from tallystick.settings.errors import Problem, SettingsError
from tallystick.settings.loading import (
    Reading,
    adopt,
    load_settings,
    named_data_folder,
    read_settings,
)
from tallystick.settings.model import PREFIX, Settings
from tallystick.settings.papers import PAPERS, reference_page
from tallystick.settings.rules import Check, durability_problems

__all__ = [
    "PAPERS",
    "PREFIX",
    "Check",
    "Problem",
    "Reading",
    "Settings",
    "SettingsError",
    "adopt",
    "durability_problems",
    "load_settings",
    "named_data_folder",
    "read_settings",
    "reference_page",
]
