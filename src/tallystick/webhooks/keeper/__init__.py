"""The Keeper: deliveries that come while others are being kept are kept together, after them.

One thread and one connection a process keep what its doors have verified. It verifies nothing
and processes nothing; who waits for it is told only after the commit.
"""

from __future__ import annotations

from tallystick.webhooks.keeper.keeper import Keeper

__all__ = ["Keeper"]
