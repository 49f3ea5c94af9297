"""The journal: one JSON object a line, appended, synced to disk before anybody is answered.

One line is one operation with all its changes, so a line is there whole or not at all. A
cut last line was never acknowledged and is dropped; any other damage is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from tallystick.simulator.errors import JournalDamaged, JournalInUse, JournalUnwritable

__all__ = ["FILE_NAME", "Journal", "read_lines"]

FILE_NAME: Final = "journal.jsonl"


class Journal:
    """An append-only file that one process holds; `write` orders, `sync` makes durable."""

    def __init__(self, path: Path, descriptor: int) -> None:
        """Hold an open, locked file; use `open` instead."""
        self.path = path
        self._descriptor = descriptor
        self._end = os.fstat(descriptor).st_size
        self._synced = self._end
        self._sequence = 0
        self._broken = False
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    @classmethod
    def open(cls, folder: Path, *, reset: bool = False) -> Self:
        """This function will open the folder's journal, mend a cut last line and return it.

        Raises JournalInUse, JournalDamaged, and JournalUnwritable if it cannot be opened.
        """
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as trouble:
            raise JournalUnwritable(f"The journal {path} cannot be opened: {trouble}.") from trouble
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as trouble:
            os.close(descriptor)
            raise JournalInUse(
                f"Another simulator uses {folder}. Stop it, or give --data another folder."
            ) from trouble
        _mend(descriptor, reset=reset)
        _sync_folder(folder)
        journal = cls(path, descriptor)
        try:
            journal._count()
        except JournalDamaged:
            os.close(descriptor)
            raise
        return journal

    @property
    def end(self) -> int:
        """The position behind the last line, in bytes."""
        return self._end

    @property
    def sequence(self) -> int:
        """The number of the last line, 0 for an empty journal."""
        return self._sequence

    @property
    def is_durable(self) -> bool:
        """Whether every line is on disk."""
        return self._synced >= self._end

    def write(self, entry: Mapping[str, Any]) -> int:
        """This function will append one line and return the position behind it, in bytes.

        The line is not on disk until `sync`. Raises JournalUnwritable, and then wrote nothing.
        """
        with self._writing:
            self._refuse_if_broken()
            line = _encode({"seq": self._sequence + 1, **entry})
            try:
                _write_all(self._descriptor, line)
            except OSError as trouble:
                self._take_back()
                raise JournalUnwritable(f"The journal cannot be written: {trouble}.") from trouble
            self._end += len(line)
            self._sequence += 1
            return self._end

    def sync(self, position: int | None = None) -> None:
        """This function will return when the lines up to the position are on disk.

        Callers that wait together share one fsync. Raises JournalUnwritable for good after a
        failed one, because nobody can know then what the disk holds.
        """
        wanted = self._end if position is None else position
        with self._syncing:
            if self._synced >= wanted:
                return
            self._refuse_if_broken()
            reached = self._end
            try:
                os.fsync(self._descriptor)
            except OSError as trouble:
                self._broken = True
                raise JournalUnwritable(f"The journal cannot be synced: {trouble}.") from trouble
            self._synced = reached

    def lines(self, *, after: int = 0) -> Iterator[dict[str, Any]]:
        """This function will yield the lines whose number is greater than `after`, in order."""
        return read_lines(self.path, after=after)

    def close(self) -> None:
        """This function will sync and let go of the file; later writes are refused."""
        if not self._broken:
            self.sync()
        with self._writing, self._syncing:
            self._broken = True
            os.close(self._descriptor)

    def _count(self) -> None:
        for entry in self.lines():
            self._sequence += 1
            if entry.get("seq") != self._sequence:
                raise JournalDamaged(
                    f"Line {self._sequence} of {self.path} has another number. "
                    "Put a whole copy back, or start with --reset."
                )

    def _refuse_if_broken(self) -> None:
        if self._broken:
            raise JournalUnwritable(
                "The journal is closed, or the disk failed earlier. Restart the simulator."
            )

    def _take_back(self) -> None:
        """Cut a half-written line off; where even that fails, nothing more may be written."""
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError:
            self._broken = True


def read_lines(path: Path, *, after: int = 0) -> Iterator[dict[str, Any]]:
    """This function will yield the lines of a file that somebody may be writing.

    A last line without its end is left out. Raises JournalDamaged, and OSError without a file.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            if number > after:
                yield _decode(line, number, path)


def _mend(descriptor: int, *, reset: bool) -> None:
    """Cut what stands behind the last end of line: it was never acknowledged."""
    size = os.fstat(descriptor).st_size
    keep = 0 if reset else _last_line_end(descriptor, size)
    if keep != size:
        os.ftruncate(descriptor, keep)
        os.fsync(descriptor)


def _last_line_end(descriptor: int, size: int) -> int:
    step = 65_536
    position = size
    while position > 0:
        start = max(0, position - step)
        found = os.pread(descriptor, position - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        position = start
    return 0


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _encode(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _decode(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError as trouble:
        raise JournalDamaged(
            f"Line {number} of {path} cannot be read. Put a whole copy back, or start with --reset."
        ) from trouble
    if not isinstance(entry, dict):
        raise JournalDamaged(f"Line {number} of {path} is no object. Start with --reset.")
    return entry
