"""The lane: what is answered without a Django thread. Health, readiness, providers' webhooks.

Health asks nothing, readiness asks at most once a second, and a webhook is answered with
success only once it is kept. Every other path is none of the lane's.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

import structlog

from tallystick import __version__, health
from tallystick.db import DatabaseUnavailable
from tallystick.errors import TallystickError
from tallystick.health import Check, Report
from tallystick.observability.metrics import count_webhook_refused
from tallystick.web.database import GATE, Pulse
from tallystick.web.edge import Exchange, Reply, refusal
from tallystick.web.problems import PROBLEM_TYPE, FieldError, MethodNotAllowed, Overloaded, encode
from tallystick.webhooks import Event, InboxBusy, Receipt

__all__ = ["Lane", "Serves"]

log: Final = structlog.get_logger(__name__)

_WEBHOOK: Final = re.compile(r"/api/webhooks/([a-z0-9_-]{1,40})")
_READY_FOR_S: Final = 1.0
_CHECKS_WITHIN_S: Final = 1.8


class Serves(Protocol):
    """What the lane needs of the house."""

    @property
    def checks(self) -> tuple[Check, ...]:
        """Return what readiness asks."""

    def verify(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Return the event of a delivery; raise where it is none."""

    def keep(self, provider: str, event: Event) -> asyncio.Future[Receipt]:
        """Return the future of an event's receipt, which ends once the event is durable."""


_Door = Callable[[Exchange, bytes], Awaitable[Reply]]


class Lane:
    """The doors that the dispatcher serves by itself."""

    def __init__(self, house: Serves, *, pulse: Pulse, waived: tuple[str, ...] = ()) -> None:
        """Keep the house; `waived` names the production checks that this place does without."""
        self._house = house
        self._pulse = pulse
        self._waived = waived
        self._readiness = ThreadPoolExecutor(1, thread_name_prefix="readiness")
        self._report: Future[Report] | None = None
        self._asked_at = 0.0

    def door(self, exchange: Exchange) -> _Door | None:
        """Return the door for the path, None where it is Django's; raise MethodNotAllowed."""
        if exchange.path in {"/api/health", "/api/health/ready"}:
            _only(exchange, "GET", "HEAD")
            return self._alive if exchange.path == "/api/health" else self._ready
        if _WEBHOOK.fullmatch(exchange.path):
            _only(exchange, "POST")
            return self._webhook
        return None

    def close(self) -> None:
        """End the thread of readiness."""
        self._readiness.shutdown(wait=True, cancel_futures=True)

    async def _alive(self, _exchange: Exchange, _body: bytes) -> Reply:
        return _json(200, {"status": "ok", "version": __version__})

    async def _ready(self, exchange: Exchange, _body: bytes) -> Reply:
        """Answer 200 where requests can be served, also if something is missing; else 503."""
        report = await asyncio.wrap_future(self._fresh_report())
        if report.status is not health.Status.DOWN:
            checks = [{"name": check.name, "ok": check.is_ok} for check in report.checks]
            return _json(
                200, {"status": report.status, "checks": checks, "waived": list(self._waived)}
            )
        errors = [
            FieldError(check.name, "check_failed", "does not answer")
            for check in report.checks
            if not check.is_ok
        ]
        status, body = encode(
            "not_ready", instance=exchange.path, request_id=exchange.request_id, errors=errors
        )
        return Reply.of(status, body, {"Content-Type": PROBLEM_TYPE, "Retry-After": "1"})

    def _fresh_report(self) -> Future[Report]:
        """Return the report in the making, or one of the last second: callers share it."""
        report = self._report
        if report is None or (report.done() and time.monotonic() - self._asked_at > _READY_FOR_S):
            self._asked_at = time.monotonic()
            report = self._report = self._readiness.submit(
                health.examine, self._house.checks, timeout_s=_CHECKS_WITHIN_S
            )
        return report

    async def _webhook(self, exchange: Exchange, body: bytes) -> Reply:
        """Verify the raw delivery and have it kept; success is said only after the commit."""
        provider = exchange.path.rpartition("/")[2]
        headers = {
            name.decode("latin-1"): text.decode("latin-1") for name, text in exchange.headers
        }
        try:
            # First, so that forgeries cost nothing else, and never are who tries a shut gate.
            event = self._house.verify(provider, body, headers)
            await self._keep(provider, event)
        except TallystickError as error:
            count_webhook_refused(error.code)
            log.info("webhook_refused", provider=provider, code=error.code)
            if error.code == "provider_unknown":
                return refusal(exchange, "not_found")
            return refusal(exchange, error.code, detail=str(error))
        return _json(200, {"received": True})

    async def _keep(self, provider: str, event: Event) -> None:
        """Have the event kept unless the database is known to be away; tell the gate."""
        if not GATE.admit():
            raise DatabaseUnavailable("The database does not answer; nothing was kept.")
        keeping = self._house.keep(provider, event)
        try:
            await self._pulse.bound(keeping)
        except DatabaseUnavailable:
            GATE.failed()
            raise
        except InboxBusy:
            # It answered, so everybody else may go on.
            GATE.succeeded()
            raise
        except TimeoutError:
            raise Overloaded("Keeping it took too long. Deliver it again.") from None
        finally:
            # What is not begun is not done; what is is kept once, however often it is delivered.
            keeping.cancel()
        GATE.succeeded()


def _only(exchange: Exchange, *methods: str) -> None:
    if exchange.method not in methods:
        allowed = ", ".join(methods)
        raise MethodNotAllowed(f"Use {allowed}.", headers={"Allow": allowed})


def _json(status: int, document: Mapping[str, object]) -> Reply:
    return Reply.of(status, json.dumps(document).encode(), {"Content-Type": "application/json"})
