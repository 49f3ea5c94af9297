"""Processes that start others: children die with their parent and stop within a deadline.

It knows no program of ours. Linux keeps the promise of death with the parent; elsewhere a
child outlives a parent that is killed, and only a clean stop reaches it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

__all__ = [
    "User",
    "children",
    "die_with_parent",
    "kill_child",
    "last_words",
    "open_log",
    "put_name",
    "settle",
    "spawn",
    "terminate",
]

#: `PR_SET_PDEATHSIG` of linux/prctl.h.
_PR_SET_PDEATHSIG: Final = 1
#: `PR_SET_NAME` of the same; the kernel keeps fifteen signs of a name.
_PR_SET_NAME: Final = 15
#: New objects after which the collector looks at the youngest; Python's own figure is 700.
_NEW_OBJECTS: Final = 20_000
_LOG_BYTES_MAX: Final = 8 * 1024 * 1024
_WORDS_BYTES_MAX: Final = 4 * 1024
#: Loaded here because nothing may be loaded between fork and exec.
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class User:
    """Who a child runs as, where that is not us."""

    name: str
    uid: int
    gid: int


def die_with_parent(
    farewell: signal.Signals = signal.SIGTERM, *, parent: int | None = None
) -> None:
    """Ask the kernel to send us `farewell` when the thread that started us ends.

    Call it first thing in a child, after any change of user (that change clears the wish).
    `parent` is the process that must still be there: where it has gone already, we end at
    once, because its end will not be announced a second time.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def put_name(name: str) -> None:
    """Name this process in `ps -o comm` and `top`; the kernel keeps fifteen signs of it."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def children(pid: int) -> dict[int, str]:
    """Return the living children of a process, by number with the name that each has put on.

    Nothing where there is no such process, or no Linux.
    """
    found = {}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for word in task.read_text().split():
                with contextlib.suppress(OSError):
                    found[int(word)] = Path(f"/proc/{word}/comm").read_text().rstrip("\n")
    return found


def kill_child(parent: int, name: str) -> int | None:
    """Kill -9 the child of `parent` that has put on this name, and return its number.

    None where there is none. It is held before it is looked at: a number that the kernel gives to
    another process meanwhile cannot be meant.
    """
    for pid, found in children(parent).items():
        if found != name:
            continue
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                if children(parent).get(pid) == name:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    return pid
            finally:
                os.close(handle)
    return None


def settle() -> None:
    """Tell the garbage collector that what is loaded now stays, and to look less often.

    Else it walks over every module and template again and again while requests wait: a third of
    the processor time of a busy Writer. Reference counts free nearly everything without it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])


def spawn(
    argv: Sequence[str | Path],
    *,
    output: IO[bytes] | int,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: User | None = None,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    farewell: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a program that dies with us, and return it; both its outputs go to `output`.

    Where we are killed the kernel sends it `farewell`: it ends at once, unless that is a milder
    one. An orderly end takes its time, and nobody is left who would wait for it or end it.
    It leads a session of its own, so that Ctrl-C reaches us alone and we stop it in order.
    Start it from a thread that lives as long as it shall: the kernel takes the end of that
    thread for the end of the parent. Raises OSError where it cannot be started.
    """
    return subprocess.Popen(  # noqa: S603 - programs of ours
        [str(word) for word in argv],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        cwd=folder,
        user=None if user is None else user.uid,
        group=None if user is None else user.gid,
        extra_groups=None if user is None else [],
        umask=0o077,
        start_new_session=True,
        preexec_fn=_bound_to(os.getpid(), farewell),  # noqa: PLW1509 - one system call, no lock
    )


def terminate(
    child: subprocess.Popen[bytes],
    *,
    deadline_s: float,
    farewell: signal.Signals = signal.SIGTERM,
) -> int:
    """Ask the child to end, kill it and its session's processes past `deadline_s` seconds.

    Returns its exit status, negative where a signal ended it. A child that has ended is fine.
    """
    if child.poll() is None:
        child.send_signal(farewell)
    try:
        return child.wait(deadline_s)
    except subprocess.TimeoutExpired:
        # The child is not waited for yet, so its number cannot be another's.
        os.killpg(child.pid, signal.SIGKILL)
        return child.wait()


def _bound_to(parent: int, farewell: signal.Signals) -> Callable[[], None]:
    def bind() -> None:
        die_with_parent(farewell, parent=parent)

    return bind


def open_log(path: Path) -> IO[bytes]:
    """Open a log to append to, for its owner alone; one of more than 8 MiB is set aside first."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_BYTES_MAX:
            path.replace(path.with_suffix(path.suffix + ".1"))
    log = open(path, "ab", opener=_for_owner)  # noqa: SIM115 - an opener, and the caller closes
    log.seek(0, os.SEEK_END)
    return log


def last_words(path: Path, begin: int = 0) -> str:
    """Return what was written into the log from `begin` on, its last 4 KiB at most."""
    with path.open("rb") as log:
        end = log.seek(0, os.SEEK_END)
        log.seek(max(begin, end - _WORDS_BYTES_MAX))
        return log.read().decode(errors="replace").strip()


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
