"""Providers: one folder each, with the same furniture. They never meet one another."""

from __future__ import annotations

__all__: list[str] = []
