"""The parent: forks a process a member, starts a dead one again, ends them all in order.

It holds no connection, and no thread but those that are made for forks, so that its children
share its memory and inherit nothing half done. It does no work of theirs.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, NoReturn

import structlog

from tallystick.jobs.rules import respawn_delay_s
from tallystick.process import die_with_parent, put_name

__all__ = ["Family"]

log: Final = structlog.get_logger(__name__)

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
#: Who lived so long did not die at once.
_LIVED_S: Final = 5.0
_CRASHED: Final = 70  # EX_SOFTWARE


class Family:
    """Members by name, each a function that runs in a process of its own until SIGTERM."""

    def __init__(
        self,
        members: Mapping[str, Callable[[], None]],
        *,
        patience_s: float,
        bury: Callable[[int], None] = lambda _: None,
        spared: frozenset[str] = frozenset(),
    ) -> None:
        """Keep the members; those still there `patience_s` after the farewell are killed.

        `bury` is told the number of each process that has ended, before another can have it.
        `spared` names the threads that may run: they hold no lock that a child needs.
        """
        self._tell_death: Final = bury
        self._spared: Final = spared
        self._members: Final = dict(members)
        self._patience_s: Final = patience_s
        self._pids: Final[dict[int, str]] = {}
        self._born_at: Final[dict[str, float]] = {}
        self._deaths: Final = dict.fromkeys(self._members, 0)
        self._due_at: Final = dict.fromkeys(self._members, 0.0)
        self._farewells = 0
        self._kill_at = 0.0

    def run(self) -> None:
        """Keep the members alive until SIGTERM or SIGINT, then let them finish; a second one kills.

        Call it from the main thread. Raises RuntimeError where other threads run: a fork would
        leave their locks locked for ever.
        """
        threads = {thread.name for thread in threading.enumerate()} - self._spared
        if len(threads) > 1:
            raise RuntimeError("The workers' parent must not have threads when it forks.")
        gc.collect()
        gc.freeze()
        ear, mouth = socket.socketpair()
        for end in (ear, mouth):
            end.setblocking(False)
        kept = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
        try:
            self._live(ear)
        finally:
            self._send(signal.SIGKILL)
            signal.set_wakeup_fd(-1)
            for number, handler in kept.items():
                signal.signal(number, handler)
            ear.close()
            mouth.close()

    def _live(self, ear: socket.socket) -> None:
        while not self._farewells or self._pids:
            self._spawn_due()
            if select.select([ear], [], [], self._wait_s())[0]:
                ear.recv(4096)
            self._bury()
            self._say_farewell()

    def _heard(self, number: int, _frame: object) -> None:
        """Count what asks us to end; the loop, which this wakes, does the rest."""
        if number != signal.SIGCHLD:
            self._farewells += 1

    def _say_farewell(self) -> None:
        now = time.monotonic()
        if self._farewells and not self._kill_at:
            self._kill_at = now + self._patience_s
            self._send(signal.SIGTERM)
        if self._farewells > 1 or (self._kill_at and now >= self._kill_at):
            self._send(signal.SIGKILL)
            self._kill_at = now + 1.0

    def _wait_s(self) -> float:
        now = time.monotonic()
        if self._farewells:
            return max(0.0, self._kill_at - now) if self._kill_at else 0.0
        alive = set(self._pids.values())
        return max(
            0.0, min([60.0, *(at - now for name, at in self._due_at.items() if name not in alive)])
        )

    def _spawn_due(self) -> None:
        alive = set(self._pids.values())
        for name in self._members:
            if name not in alive and time.monotonic() >= self._due_at[name]:
                self._spawn(name)

    def _spawn(self, name: str) -> None:
        """Fork with the signals held back, so that none gets lost between parent and child."""
        parent = os.getpid()
        held = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            if self._farewells:
                return
            pid = os.fork()
            if not pid:
                self._be(name, parent, held)
            self._pids[pid] = name
            self._born_at[name] = time.monotonic()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
        log.info("worker_started", member=name, pid=pid)

    def _be(self, name: str, parent: int, held: set[int | signal.Signals]) -> NoReturn:
        """Be the child: nothing of the parent's runs in it, not even its way out."""
        status = _CRASHED
        try:
            die_with_parent(signal.SIGKILL, parent=parent)
            put_name(name)
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, held)
            self._members[name]()
            status = 0
        except BaseException:
            log.exception("worker_crashed", member=name)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _bury(self) -> None:
        """Take leave of the dead and set the time at which each is started again."""
        for pid, name in list(self._pids.items()):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            del self._pids[pid]
            self._tell_death(pid)
            if self._farewells:
                continue
            now = time.monotonic()
            has_lived = now - self._born_at[name] >= _LIVED_S
            self._deaths[name] = 0 if has_lived else self._deaths[name] + 1
            self._due_at[name] = now + respawn_delay_s(self._deaths[name])
            code = os.waitstatus_to_exitcode(status)
            log.error("worker_died", member=name, pid=pid, status=code)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._pids:
            os.kill(pid, number)
