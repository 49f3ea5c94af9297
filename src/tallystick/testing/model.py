"""What a line may suffer. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = ["WORD_BYTES_MAX", "Cue", "Trouble", "Way"]

#: The longest word at which a line can be cut: so much of the past is kept a line.
WORD_BYTES_MAX: Final = 256


class Way(StrEnum):
    """A direction of the line."""

    TO_SERVER = "to_server"  #: what the client says
    TO_CLIENT = "to_client"  #: what the server answers


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to bytes that go one way."""

    #: Seconds that each piece arrives late.
    delay_s: float = 0.0
    #: Most bytes that arrive at once; 0 for all that came.
    slice_bytes: int = 0
    #: Seconds between two slices.
    pause_s: float = 0.0
    #: Nothing arrives while it lasts; what was held back arrives after it, as TCP would have it.
    is_blackhole: bool = False

    def slices(self, piece: bytes) -> Iterator[bytes]:
        """Return the piece in the slices in which it arrives."""
        most = self.slice_bytes or len(piece)
        return (piece[at : at + most] for at in range(0, len(piece), most))


@dataclass(slots=True)
class Cue:
    """A word of the client's at which the line is cut."""

    word: bytes
    #: Whether the server still gets the word, and only its answer is lost.
    is_delivered: bool
    #: How many more times the line is cut at it.
    times: int

    def is_in(self, tail: bytes, piece: bytes) -> bool:
        """Return whether the word ends in the piece; `tail` is what came right before it."""
        before = tail[-(len(self.word) - 1) :] if len(self.word) > 1 else b""
        return self.word in before + piece
