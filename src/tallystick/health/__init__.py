"""Health: named checks, asked together, each within a deadline.

The checks are injected; nothing here knows a database, a cache or HTTP.
"""

from __future__ import annotations

from tallystick.health.model import Check, Report, Result, Status
from tallystick.health.operations import examine

__all__ = ["Check", "Report", "Result", "Status", "examine"]
