"""What tests need and production does not: a TCP proxy that misbehaves when told to.

It knows nothing of ours and needs nothing but Python, so that any team's tests may use it.
"""

from __future__ import annotations

from tallystick.testing.model import Trouble, Way
from tallystick.testing.proxy import TcpProxy

__all__ = ["TcpProxy", "Trouble", "Way"]
