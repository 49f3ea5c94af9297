"""The folder in which the processes of one parent count: a file a process and kind of metric.

What a process that has ended counted is kept; what it said of its present is forgotten. The
files are mapped into memory, and what stands in them outlives a `kill -9`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

if TYPE_CHECKING:
    from prometheus_client import Metric

__all__ = ["Folder", "count_for_nobody", "join"]

log: Final = structlog.get_logger(__name__)

#: By these the library finds the folder; the second is its old spelling, which it still obeys.
_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_VARIABLES: Final = (_VARIABLE, "prometheus_multiproc_dir")
#: Kinds of metrics that go on after their process, and those that end with it.
_LASTING: Final = ("counter", "histogram")
_LIVING: Final = ("gauge_livesum",)
#: In place of a process's number: what all that have ended had counted.
_ENDED: Final = "ended"
_PREFIX: Final = "tallystick-metrics-"
#: Locked by the parent for as long as it, or a child of its fork, lives.
_LOCK: Final = "lock"
#: As large as the library makes a file at first; all that we count fits in.
_FILE_BYTES: Final = 65_536


class Folder:
    """The parent's side: one folder, made fresh for it and read by it alone."""

    def __init__(self, path: Path) -> None:
        """Take the folder at `path`; `make` makes one."""
        self.path = path
        # A scrape between the two halves of a burial would count something twice.
        self._lock = threading.Lock()

    @classmethod
    def make(cls) -> Folder:
        """Return a fresh folder, for this user alone, and lead this process's children to it.

        Folders of parents that were killed are deleted on the way.
        Nothing may have imported prometheus_client yet: it looks for its folder only once, when
        it is loaded. Raises OSError where there is no place or no room for a folder.
        """
        count_for_nobody()
        _delete_ownerless()
        folder = cls(Path(tempfile.mkdtemp(prefix=_PREFIX)))
        try:
            _lock(folder.path)
            for kind in _LASTING:
                _take_room(folder.path / f"{kind}_{_ENDED}.db")
        except OSError:
            folder.remove()
            raise
        # No setting of ours that is read here: it is how the library tells its own children.
        os.environ[_VARIABLE] = str(folder.path)
        # Now, and not in a thread: a child forked while one loads it would wait for it for ever.
        import prometheus_client.multiprocess  # noqa: F401, PLC0415 - with the folder known

        return folder

    def text(self) -> bytes:
        """Return what all processes have counted, in Prometheus' text format."""
        from prometheus_client import generate_latest  # noqa: PLC0415 - after `make`

        with self._lock:
            return generate_latest(self)

    def collect(self) -> Iterable[Metric]:
        """Return each metric, summed over the processes, as the library asks for it."""
        from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415 - as above

        files = [str(file) for file in sorted(self.path.glob("*.db")) if _is_whole(file)]
        metrics: Iterable[Metric] = MultiProcessCollector.merge(files)
        return metrics

    def bury(self, pid: int) -> None:
        """Keep what a process that has ended had counted, and forget its gauges.

        Say it before another process can have its number. It raises nothing: whatever is wrong
        with the figures of the dead, the living go on.
        """
        with self._lock:
            try:
                for kind in _LASTING:
                    self._add_to_the_ended(kind, pid)
            except Exception:
                log.exception("metrics_of_the_dead_lost", worker=pid)
            # What cannot be deleted shows too much for a while, which ends nobody's work.
            with contextlib.suppress(OSError):
                for file in self.path.glob(f"*_{pid}.db"):
                    file.unlink()

    def remove(self) -> None:
        """Delete the folder with all that stands in it, once nobody reads it."""
        with self._lock:
            shutil.rmtree(self.path, ignore_errors=True)

    def _add_to_the_ended(self, kind: str, pid: int) -> None:
        """Add a file's figures to those of all the ended, so that deaths do not fill the folder."""
        from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - after `make`

        file = self.path / f"{kind}_{pid}.db"
        if not _is_whole(file):
            return
        # Read to its end first: of a file that is spoilt, nothing is added.
        figures = list(MmapedDict.read_all_values_from_file(str(file)))
        with contextlib.closing(MmapedDict(str(self.path / f"{kind}_{_ENDED}.db"))) as ended:
            for key, value, moment, _ in figures:
                ended.write_value(key, ended.read_value(key)[0] + value, moment)


def join(path: Path) -> None:
    """Let this process count into the folder: call it first thing in a child.

    Where the folder has no room, or is gone, the process counts for nobody, and says so once.
    """
    from prometheus_client import values  # noqa: PLC0415 - not before the parent has made the folder

    assert values.ValueClass is not values.MutexValue, "loaded before the folder was made"
    try:
        for kind in (*_LASTING, *_LIVING):
            _take_room(path / f"{kind}_{os.getpid()}.db")
    except OSError as error:
        log.error("metrics_not_counted", folder=str(path), why=error.strerror)  # noqa: TRY400 - no fault of ours
        values.ValueClass = values.MutexValue


def count_for_nobody() -> None:
    """Let what this process starts count in memory alone, whatever folder its surroundings name."""
    for name in _VARIABLES:
        os.environ.pop(name, None)


def _lock(folder: Path) -> None:
    """Lock the folder until this process ends, however it ends."""
    lock = os.open(folder / f"{_LOCK}.new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # It has its name only now: who sees it unlocked knows that its owner has ended.
    (folder / f"{_LOCK}.new").rename(folder / _LOCK)


def _delete_ownerless() -> None:
    """Delete the folders of this user's parents that could not do it themselves."""
    for lock in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/{_LOCK}"):
        # One that is locked has its owner; others may delete at the same time.
        with contextlib.suppress(OSError), lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.parent.lstat().st_uid == os.getuid():
                shutil.rmtree(lock.parent)


def _take_room(file: Path) -> None:
    """Write the file full of zeros, which the library takes for a fresh one.

    It would map a file with holes, and a full disk then ends the process by SIGBUS.
    """
    file.write_bytes(bytes(_FILE_BYTES))


def _is_whole(file: Path) -> bool:
    """Return whether the file is there and was made to its end, which a kill can prevent."""
    try:
        return file.stat().st_size >= _FILE_BYTES
    except FileNotFoundError:
        return False
