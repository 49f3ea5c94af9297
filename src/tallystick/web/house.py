"""The process's House, joined once, for the doors that Django serves."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from tallystick.bootstrap import House

__all__ = ["house"]


@cache
def house() -> House:
    """Return the process's House; nothing connects before its first use."""
    return House.from_settings(settings.TALLYSTICK)
