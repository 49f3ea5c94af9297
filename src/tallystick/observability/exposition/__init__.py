"""Exposition: one address at which a parent tells what all its processes have counted.

A parent enters `exposed` before it makes a child, its children `join` the folder before they
count, and it says of each that has ended that it `bury`s it. It knows no metric and no server.
"""

from __future__ import annotations

from tallystick.observability.exposition.folder import Folder, count_for_nobody, join
from tallystick.observability.exposition.server import METRICS_THREAD, exposed

__all__ = ["METRICS_THREAD", "Folder", "count_for_nobody", "exposed", "join"]
