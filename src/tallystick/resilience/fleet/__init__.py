"""The fleet's breakers in Redis or Valkey: one hash that expires by itself.

It swaps what it is given and decides nothing. Whatever is wrong with the store, it says away.
"""

from __future__ import annotations

from tallystick.resilience.fleet.store import KEY, Fleet

__all__ = ["KEY", "Fleet"]
