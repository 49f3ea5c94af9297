"""Payments in plain words, for people and operators. No I/O.

It promises nothing that the payments room does not know: an unknown outcome is called so.
"""

from __future__ import annotations

from tallystick.web.pages.words.names import REASONS, entry_title, provider_name, until
from tallystick.web.pages.words.telling import Telling, Tone, tell, tell_file
from tallystick.web.pages.words.timeline import Station, is_over, stations

__all__ = [
    "REASONS",
    "Station",
    "Telling",
    "Tone",
    "entry_title",
    "is_over",
    "provider_name",
    "stations",
    "tell",
    "tell_file",
    "until",
]
