"""The simulator's control API, as the lab uses it: to the simulator of this house alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from tallystick.errors import TallystickError

__all__ = ["Simulated", "SimulatorAway", "SimulatorRefused"]

#: A button answers within a second, and it may ask twice.
_PATIENCE_S: Final = 0.8
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class SimulatorAway(TallystickError):
    """The simulator does not answer."""

    code = "lab_simulator_away"


class SimulatorRefused(TallystickError):
    """The simulator does not do it; the text is its own."""

    code = "lab_simulator_refused"


@dataclass(frozen=True, slots=True)
class Simulated:
    """The simulator at an address, and the key that its API takes."""

    url: str
    key: str

    def look(self, path: str) -> dict[str, Any]:
        """Return what stands under a path of the control API; raise SimulatorAway."""
        return self._ask("GET", f"/_simulator/{path}")

    def order(self, path: str, **what: Any) -> dict[str, Any]:
        """Have the simulator do something; raise SimulatorRefused or SimulatorAway."""
        return self._ask("POST", f"/_simulator/{path}", json_body=what)

    def end(self, path: str) -> dict[str, Any]:
        """End an outage, or forget what waits; raise SimulatorAway."""
        return self._ask("DELETE", f"/_simulator/{path}")

    def expire(self, session: str) -> None:
        """Expire a Checkout session as its owner would; raise SimulatorRefused, SimulatorAway."""
        headers = {"Authorization": f"Bearer {self.key}"}
        self._ask("POST", f"/v1/checkout/sessions/{session}/expire", headers=headers)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        json_body: dict[str, Any] | None = None,
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> dict[str, Any]:
        place = urlsplit(self.url)
        line = HTTPConnection(str(place.hostname), place.port, timeout=_PATIENCE_S)
        body = None if json_body is None else json.dumps(json_body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            line.request(method, path, body, {**kind, **headers})
            answer = line.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except (OSError, HTTPException, ValueError) as trouble:
            raise SimulatorAway("The simulator does not answer.") from trouble
        finally:
            line.close()
        if answer.status != HTTPStatus.OK:
            raise SimulatorRefused(str(told.get("error", {}).get("message", "It was refused.")))
        return told
