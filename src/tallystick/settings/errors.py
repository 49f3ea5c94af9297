"""What can be wrong with the settings.

SettingsError   one or more Problems, all of them at once; no value stands in its text
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallystick.errors import TallystickError

__all__ = ["Problem", "SettingsError"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: which variable, what, and what to do about it."""

    variable: str
    #: Completes the sentence that begins with the variable: "is not set".
    what: str
    #: One or more whole sentences.
    remedy: str

    def __str__(self) -> str:
        """Return the problem as one line."""
        return f"{self.variable} {self.what}. {self.remedy}"


class SettingsError(TallystickError):
    """The process must not start with these settings."""

    code = "settings_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Keep the problems; the text lists them all."""
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"The settings have {count}:{lines}")
