"""The other side: one order, one answer, over the caretaker's socket."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

from tallystick.caretaker.errors import CaretakerAway, OrderRefused
from tallystick.caretaker.model import LINE_BYTES_MAX, Answer, Order

__all__ = ["ask"]

#: Seconds for an order: the slowest starts a cache.
_PATIENCE_S: Final = 5.0


def ask(door: Path, order: Order) -> Answer:
    """Have the caretaker behind the door carry out an order, and return its answer.

    Raises OrderRefused with its sentence, and CaretakerAway where none answers.
    """
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(_PATIENCE_S)
            line.connect(str(door))
            line.sendall(order.encode() + b"\n")
            with line.makefile("rb") as told:
                answer = Answer.read(told.readline(LINE_BYTES_MAX))
    except (OSError, ValueError, TypeError, KeyError) as trouble:
        raise CaretakerAway("`tallystick start` does not answer: is it still there?") from trouble
    if not answer.is_done:
        raise OrderRefused(answer.why)
    return answer
