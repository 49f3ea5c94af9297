"""The caretaker's side: a socket in a folder that nobody but its own user can enter.

One order at a time, on the thread that waits: who does not speak at once is left standing.
"""

from __future__ import annotations

import contextlib
import select
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tallystick.caretaker.model import LINE_BYTES_MAX, Answer, Order

__all__ = ["Door"]

_NAME: Final = "caretaker.sock"
#: Seconds that a caller has for its order, and for taking the answer.
_PATIENCE_S: Final = 0.5


class Door:
    """A socket with a name of its own for each start, so that no other house can be meant."""

    def __init__(self) -> None:
        """Open it: in the system's temporary folder, because names of sockets must be short."""
        self._folder: Final = Path(tempfile.mkdtemp(prefix="tallystick-caretaker-"))
        self.path: Final = self._folder / _NAME
        self._ear: Final = socket.socket(socket.AF_UNIX)
        self._ear.bind(str(self.path))
        self.path.chmod(0o600)
        self._ear.listen(8)

    def wait(self, timeout_s: float, obey: Callable[[Order], Answer]) -> None:
        """Wait so long for a caller, and do what it asks for; what is no order does nothing."""
        if not select.select([self._ear], [], [], timeout_s)[0]:
            return
        with contextlib.suppress(OSError):
            line, _ = self._ear.accept()
            with line:
                line.settimeout(_PATIENCE_S)
                line.sendall(self._answer(_read(line), obey).line())

    def close(self) -> None:
        """Close it, and take its folder away."""
        self._ear.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the open door."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @staticmethod
    def _answer(said: str, obey: Callable[[Order], Answer]) -> Answer:
        try:
            order = Order(said)
        except ValueError:
            return Answer(is_done=False, why="That is no order that a caretaker knows.")
        return obey(order)


def _read(line: socket.socket) -> str:
    """Return the caller's line; raise OSError where it does not come to an end in time."""
    said = b""
    while not said.endswith(b"\n") and len(said) < LINE_BYTES_MAX:
        piece = line.recv(LINE_BYTES_MAX)
        if not piece:
            break
        said += piece
    return said.decode(errors="replace").strip()
