"""Pure decisions about jobs: what may be enqueued, whether and when a run follows another.

Nothing here reads a clock or draws at random: `spread`, from 0 up to 1, is drawn by the caller.
A delay of None means: failed for good.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

from tallystick.jobs.errors import ArgumentsRefused, JobRefused

__all__ = [
    "after_crash",
    "after_failure",
    "arguments_text",
    "backoff_s",
    "check",
    "grace_s",
    "heartbeat_s",
    "is_handler_name",
    "respawn_delay_s",
    "trouble_delay_s",
]

_DELAY_S_MAX: Final = 3600.0
_BACKOFF_S_MAX: Final = 300.0
_CRASH_SPREAD_S_MAX: Final = 30.0
_TROUBLE_S_MAX: Final = 5.0
_RESPAWN_S: Final = 0.1
_RESPAWN_S_MAX: Final = 10.0
_HEARTBEATS: Final = 5

_AHEAD_S_MAX: Final = 366 * 24 * 3600
_PRIORITY_MAX: Final = 100
_ARGUMENTS_MAX: Final = 16
_ARGUMENTS_BYTES_MAX: Final = 2048
#: What every JSON reader gives back unharmed.
_INTEGER_MAX: Final = 2**53 - 1
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_NAME_MAX: Final = 128
_ARGUMENT: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: An id or a short code: no sentence, no e-mail address, nothing that must be erased one day.
_IDENTITY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:\-]{0,127}")


def backoff_s(runs: int) -> float:
    """Return the seconds to wait after so many runs: 1, 2, 4 … up to 300."""
    return min(2.0 ** min(runs - 1, 30), _BACKOFF_S_MAX)


def after_failure(
    *, runs: int, attempts_max: int, backoff: Callable[[int], float], spread: float
) -> float | None:
    """Return the seconds until the next run after a run that failed, or None.

    `runs` counts the one that failed. Half of the handler's backoff is fixed, half is spread,
    so that jobs that failed together do not come back together.
    """
    if runs >= attempts_max:
        return None
    return _bounded(backoff(runs)) * (1 + spread) / 2


def after_crash(
    *,
    runs: int,
    attempts_max: int,
    backoff: Callable[[int], float],
    stalled_after_s: float,
    spread: float,
) -> float | None:
    """Return the seconds until the next run after a run whose process died, or None.

    The job has waited `stalled_after_s` already. Which of a process's jobs killed it is not
    known, so they come back apart from each other: 2 s at most the first time, then wider.
    """
    if runs >= attempts_max:
        return None
    waited = max(0.0, _bounded(backoff(runs)) - stalled_after_s)
    return waited + spread * min(2.0 * runs, _CRASH_SPREAD_S_MAX)


def heartbeat_s(stalled_after_s: float) -> float:
    """Return how often a worker reports, in seconds: five times within the limit."""
    return stalled_after_s / _HEARTBEATS


def grace_s(stalled_after_s: float) -> float:
    """Return how long a rescuer that (re)gained the database leaves others to report, in seconds.

    After an outage everybody looks dead; two heartbeats later only the dead do.
    """
    return 2 * heartbeat_s(stalled_after_s)


def respawn_delay_s(quick_deaths: int) -> float:
    """Return the seconds until a process is started again that died at once so many times."""
    return min(_RESPAWN_S * 2.0 ** min(quick_deaths, 30), _RESPAWN_S_MAX)


def trouble_delay_s(failures: int) -> float:
    """Return the seconds until the next try after so many failures in a row: 0.2 up to 5."""
    return min(0.1 * 2.0 ** min(failures, 30), _TROUBLE_S_MAX)


def is_handler_name(name: str) -> bool:
    """Return whether the name reads `room.verb`, 128 characters at most."""
    return len(name) <= _NAME_MAX and _NAME.fullmatch(name) is not None


def check(*, name: str, delay_s: float, priority: int) -> None:
    """Raise JobRefused for a name that is none, a delay above a year, a priority above 100."""
    if not is_handler_name(name):
        raise JobRefused(f"A job's name reads like room.verb, not {name[:40]!r}.")
    if not 0 <= delay_s <= _AHEAD_S_MAX:
        raise JobRefused(f"A job waits 0 to {_AHEAD_S_MAX} seconds, not {delay_s!r}.")
    if not -_PRIORITY_MAX <= priority <= _PRIORITY_MAX:
        raise JobRefused(f"A job's priority is within ±{_PRIORITY_MAX}, not {priority!r}.")


def arguments_text(arguments: Mapping[str, str | int]) -> str:
    """Return the arguments as JSON; raise ArgumentsRefused for what is no id or small integer."""
    if len(arguments) > _ARGUMENTS_MAX:
        raise ArgumentsRefused(f"A job has {_ARGUMENTS_MAX} arguments at most: pass one id.")
    for key, value in arguments.items():
        if not _ARGUMENT.fullmatch(str(key)):
            raise ArgumentsRefused(
                f"An argument's name is a lower-case word, not {str(key)[:40]!r}."
            )
        if not _is_small(value):
            raise ArgumentsRefused(f"Argument {key} must be an id or an integer below 2^53.")
    text = json.dumps(dict(arguments), separators=(",", ":"), sort_keys=True)
    if len(text) > _ARGUMENTS_BYTES_MAX:
        raise ArgumentsRefused(f"Arguments take {_ARGUMENTS_BYTES_MAX} bytes at most: pass one id.")
    return text


def _is_small(value: object) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return abs(value) <= _INTEGER_MAX
    return isinstance(value, str) and _IDENTITY.fullmatch(value) is not None


def _bounded(delay_s: float) -> float:
    """Keep a handler's own backoff within 0 to 3600 seconds, whatever it says."""
    if math.isnan(delay_s):
        return _BACKOFF_S_MAX
    return min(max(delay_s, 0.0), _DELAY_S_MAX)
