"""The processes that run jobs: a parent that respawns, a child a queue group.

Only this room knows Procrastinate; what may be run and when again is decided in `jobs.rules`.
"""

from __future__ import annotations

from tallystick.jobs.worker.family import Family
from tallystick.jobs.worker.group import run_group

__all__ = ["Family", "run_group"]
