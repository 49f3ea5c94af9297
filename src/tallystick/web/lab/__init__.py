"""`/dev/lab`: trouble to order, a payment's way through it, and the books beside it.

Under `tallystick start` alone, where every part is ours: production never serves it.
"""

from __future__ import annotations

__all__: list[str] = []
