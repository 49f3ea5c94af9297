"""What keeps the embedded engines from running.

EmbeddedError
├── AlreadyRunning       another process uses this folder
├── EngineMissing        no engine for this machine is installed
├── EngineFailed         an engine did not start, or did not do what it was told
├── DataUnreachable      the engine's user cannot reach the data any more
└── DataOfOtherVersion   another version of PostgreSQL made the data
"""

from __future__ import annotations

from pathlib import Path

from tallystick.errors import TallystickError

__all__ = [
    "AlreadyRunning",
    "DataOfOtherVersion",
    "DataUnreachable",
    "EmbeddedError",
    "EngineFailed",
    "EngineMissing",
]


class EmbeddedError(TallystickError):
    """The embedded engines do not run; the text says what to do."""

    code = "embedded_error"


class AlreadyRunning(EmbeddedError):
    """One process a folder: two engines on the same data would destroy it."""

    code = "embedded_already_running"

    def __init__(self, folder: Path, pid: int | None) -> None:
        """Keep the folder, and the number of the process that uses it where it is known."""
        self.folder = folder
        self.pid = pid
        stop = f" as process {pid}. Stop it first: Ctrl-C in its terminal, or kill {pid}"
        super().__init__(
            f"Tallystick already runs in {folder}{stop if pid else ' as another process'}."
        )


class EngineMissing(EmbeddedError):
    """The wheel that holds the engine is not there, or has no program for this machine."""

    code = "embedded_engine_missing"


class EngineFailed(EmbeddedError):
    """An engine ended by itself or did not become ready; the text ends with its last words."""

    code = "embedded_engine_failed"


class DataUnreachable(EmbeddedError):
    """The data stand where the engine's user may not go (any more); nothing is moved."""

    code = "embedded_data_unreachable"


class DataOfOtherVersion(EmbeddedError):
    """PostgreSQL reads the data of its own major version alone; nothing is deleted for that."""

    code = "embedded_data_of_other_version"
