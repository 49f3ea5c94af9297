"""A walk through a running house: its steps with their times, and who takes them.

It knows the doors alone, and no step: those are the selftest's.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from tallystick import clock
from tallystick.bootstrap import House
from tallystick.settings import Settings

__all__ = ["StepFailed", "StepReport", "Visitor", "Walk"]

#: Seconds within which background work must have shown its effect.
_PATIENCE_S: Final = 20


class StepFailed(Exception):
    """A step did not end as it must; its message says what was seen instead."""


@dataclass(frozen=True)
class StepReport:
    """One step: what was done, whether it went well, seconds, and what was seen."""

    step: str
    ok: bool
    seconds: float
    seen: str = ""


@dataclass
class Visitor:
    """A person in front of a browser, with the address and the wallet that they come to have."""

    browser: httpx.Client
    email: str = ""
    wallet: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """Return the CSRF token that the server gave this browser."""
        return self.browser.cookies.get("csrftoken") or ""

    def ask(self, method: str, path: str, **extra: Any) -> httpx.Response:
        """Call the API as the person's browser would, and return the answer, whatever it is."""
        headers = {"X-CSRFToken": self.token, **extra.pop("headers", {})}
        return self.browser.request(method, f"/api{path}", headers=headers, **extra)

    def api(self, method: str, path: str, **extra: Any) -> Any:
        """Call the API and return the JSON of a 2xx answer; raise StepFailed for any other."""
        answer = self.ask(method, path, **extra)
        if not answer.is_success:
            raise StepFailed(
                f"{method} /api{path} answered {answer.status_code}: {answer.text[:300]}"
            )
        return answer.json()

    def expect_balance(self, expected: int) -> None:
        """Raise StepFailed unless the wallet has so many minor units available."""
        wallet = self.api("GET", f"/wallets/{self.wallet['id']}")
        if wallet["available"]["amount"] != expected:
            raise StepFailed(
                f"Expected a balance of {expected}, saw {wallet['available']['amount']}."
            )


@dataclass
class Walk:
    """A walk through the house: who walks, the house, and the reports so far."""

    settings: Settings
    house: House
    first: Visitor
    second: Visitor
    say: Callable[[StepReport], None]
    reports: list[StepReport] = field(default_factory=list)
    payment: dict[str, Any] = field(default_factory=dict)

    def step(self, name: str, run: Callable[[Walk], str]) -> bool:
        """Run one step, report it, and return whether it went well."""
        mark = clock.start()
        try:
            seen, ok = run(self), True
        except (StepFailed, httpx.HTTPError) as trouble:
            seen, ok = str(trouble) or type(trouble).__name__, False
        self.reports.append(StepReport(name, ok, round(clock.elapsed_since(mark), 3), seen))
        self.say(self.reports[-1])
        return ok

    def until(self, what: str, found: Callable[[], Any]) -> Any:
        """Return the first true result of `found`, asked again until patience ends."""
        mark = clock.start()
        pause = secrets.SystemRandom()
        while clock.elapsed_since(mark) < _PATIENCE_S:
            seen = found()
            if seen:
                return seen
            clock.pause(0.05 + pause.random() / 20)
        raise StepFailed(
            f"Waited {_PATIENCE_S} s for {what}. Do `tallystick worker` processes run?"
        )
