"""Pages for people: each a door that parses, makes one call and renders.

They decide nothing about money and hold no rule; what they show is as last committed.
"""

from __future__ import annotations

__all__: list[str] = []
