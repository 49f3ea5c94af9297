"""The root of every error that Tallystick raises on purpose.

TallystickError
├── one subtree a room, drawn in the docstring of its errors.py
└── each with a stable `code`, documented in docs/reference/errors.md. It knows no HTTP.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = ["TallystickError"]


class TallystickError(Exception):
    """An expected failure: its text is one sentence for a person, its code is for programs."""

    code: ClassVar[str]
    #: The field of the caller's request that the sentence is about, where there is one.
    field: ClassVar[str | None] = None
