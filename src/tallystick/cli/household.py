"""The children of `tallystick start`: started, watched, started again, and stopped in order.

A child that dies is started again a few times at most; then all is stopped, because a house
that limps for ever hides its trouble.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tallystick.process import last_words, open_log, spawn, terminate

__all__ = ["ChildFailed", "Household"]

#: So many new starts of one child within so many seconds; the next death ends the house.
_RESTARTS_MAX: Final = 5
_RESTARTS_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 10.0
#: What a person calls the process of a command.
_TITLES: Final = {
    "serve": "The server",
    "worker": "The workers' parent",
    "simulator": "The simulator",
}


class ChildFailed(Exception):
    """A child ended and is not started again; the text says which, and its last words."""


@dataclass(slots=True)
class _Child:
    words: tuple[str, ...]
    environment: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes]
    #: When it was started again, on the process's clock, in seconds.
    restarts: list[float] = field(default_factory=list)


class Household:
    """The processes of one start, by name."""

    def __init__(self, logs: Path, *, report: Callable[[str], None]) -> None:
        """Begin with no child. `logs` is the folder of their logs."""
        self._logs = logs
        self._report = report
        self._children: dict[str, _Child] = {}

    def run(self, name: str, environment: Mapping[str, str]) -> None:
        """Run the command to its end; raise ChildFailed where it fails."""
        log = self._logs / f"{name}.log"
        begin = log.stat().st_size if log.exists() else 0
        child = self._spawn((name,), environment, log)
        try:
            status = child.wait()
        except BaseException:
            terminate(child, deadline_s=_STOP_WITHIN_S)
            raise
        if status:
            raise ChildFailed(f"tallystick {name} failed. {_last(log, begin)}")

    def start(self, name: str, environment: Mapping[str, str]) -> None:
        """Start the command as a child that lives as long as the house."""
        log = self._logs / f"{name}.log"
        process = self._spawn((name,), environment, log)
        self._children[name] = _Child((name,), environment, log, process)

    def pid(self, name: str) -> int | None:
        """Return the number of a child that runs; None where it does not.

        A child that has ended is not buried before `look`, so its number is nobody else's.
        """
        child = self._children.get(name)
        is_running = child is not None and child.process.returncode is None
        return child.process.pid if child is not None and is_running else None

    def look(self) -> None:
        """Start again who has died; raise ChildFailed where that has been tried enough."""
        for name, child in self._children.items():
            status = child.process.poll()
            if status is None:
                continue
            now = time.monotonic()
            child.restarts = [at for at in child.restarts if now - at < _RESTARTS_WITHIN_S]
            if len(child.restarts) >= _RESTARTS_MAX:
                raise ChildFailed(f"{_TITLES[name]} keeps dying. {_last(child.log)}")
            child.restarts.append(now)
            self._report(f"{_TITLES[name]} died ({_cause(status)}): starting it again.")
            child.process = self._spawn(child.words, child.environment, child.log)

    def wait_until(self, is_ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait for readiness, and let nobody die meanwhile; raise ChildFailed."""
        deadline = time.monotonic() + within_s
        while not is_ready():
            for name, child in self._children.items():
                status = child.process.poll()
                if status is not None:
                    cause = f"{_TITLES[name]} died ({_cause(status)})."
                    raise ChildFailed(f"{cause} {_last(child.log)}")
            if time.monotonic() > deadline:
                raise ChildFailed(
                    f"The server was not ready within {within_s:.0f} s. Logs: {self._logs}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop all children, the first started last; kill who does not listen."""
        while self._children:
            _, child = self._children.popitem()
            terminate(child.process, deadline_s=_STOP_WITHIN_S)

    @staticmethod
    def _spawn(
        words: tuple[str, ...], environment: Mapping[str, str], log: Path
    ) -> subprocess.Popen[bytes]:
        with open_log(log) as output:
            return spawn(
                [sys.executable, "-m", "tallystick.cli", *words],
                output=output,
                environment=environment,
            )


def _cause(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _last(log: Path, begin: int = 0) -> str:
    words = last_words(log, begin).splitlines()[-12:]
    return "\n  ".join([f"Its log {log} ends with:", *words])
