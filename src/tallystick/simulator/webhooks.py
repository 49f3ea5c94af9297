"""The courier: delivers what a provider owes, at least once, until somebody answers 2xx.

What is owed is an object in the book, so a restart goes on where the last run ended. Order is
not promised, redirects are failures, and after the last attempt it gives up and says so.
"""

from __future__ import annotations

import heapq
import http.client
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import structlog

from tallystick.simulator.book import Book, Change, JsonObject
from tallystick.simulator.errors import ConfigurationMissing, JournalUnwritable
from tallystick.simulator.faults import Fault

__all__ = ["KIND", "RETRY_AFTER_S", "Courier", "owed"]

KIND: Final = "webhook"
#: Seconds between the attempts: quick, because people wait; bounded, because nobody may listen.
RETRY_AFTER_S: Final = (1, 2, 5, 10, 30, *(60,) * 20)
_ANSWER_WAIT_S: Final = 10
_ANSWER_BYTES_MAX: Final = 4_096
_THREADS: Final = 4
_END_WITHIN_S: Final = 1

#: Returns the body and the headers of a webhook that is sent now.
Letter = Callable[[JsonObject], tuple[bytes, Mapping[str, str]]]

log = structlog.get_logger(__name__)


def owed(event: str, *, now: float, fault: Fault | None = None) -> list[Change]:
    """Return the webhooks that the event costs: one, or what the fault makes of it."""
    what = fault.what if fault else ""
    state = "lost" if what == "lost_webhook" else "owed"
    due_at = now + fault.after_s if fault and what == "late_webhook" else now
    names = [f"{event}.{number}" for number in range(1, 3 if what == "double_webhook" else 2)]
    return [
        Change(
            KIND,
            name,
            {
                "id": name,
                "event": event,
                "state": state,
                "attempts": 0,
                "due_at": due_at,
                "last": None,
            },
        )
        for name in names
    ]


class Courier:
    """Threads that post the book's owed webhooks to one address."""

    def __init__(
        self,
        book: Book,
        *,
        url: str,
        letter: Letter,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        """Take what the book already owes; raise ConfigurationMissing for no HTTP address."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationMissing("Give the webhook URL as http://host:port/path.")
        self._url = parts
        self._book = book
        self._letter = letter
        self._retry_after_s = tuple(retry_after_s)
        self._due: list[tuple[float, str]] = []
        self._wake = threading.Condition()
        self._stopping = False
        self._threads: list[threading.Thread] = []
        self._remember([Change(KIND, w["id"], w) for w in book.newest_first(KIND)])
        book.watch(self._remember)

    def start(self) -> None:
        """This function will begin to deliver."""
        for number in range(_THREADS):
            thread = threading.Thread(target=self._work, name=f"courier-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """This function will stop soon: an attempt that nobody answers in time stays owed."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        deadline = time.monotonic() + _END_WITHIN_S
        for thread in self._threads:
            thread.join(max(0, deadline - time.monotonic()))

    def _remember(self, changes: Sequence[Change]) -> None:
        due = [c for c in changes if c.kind == KIND and c.object["state"] == "owed"]
        with self._wake:
            for change in due:
                heapq.heappush(self._due, (change.object["due_at"], change.id))
            self._wake.notify(len(due))

    def _work(self) -> None:
        while (name := self._next()) is not None:
            try:
                self._attempt(name)
            except JournalUnwritable:
                if not self._stopping:
                    log.exception("simulator_webhook_not_journalled", webhook=name)
                return

    def _next(self) -> str | None:
        """Return the webhook that is due, waiting for it; None at the end."""
        with self._wake:
            while not self._stopping:
                wait_s = self._due[0][0] - self._book.clock() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[1]
                self._wake.wait(wait_s)
        return None

    def _attempt(self, name: str) -> None:
        webhook = self._book.find(KIND, name)
        if webhook is None or webhook["state"] != "owed":
            return
        body, headers = self._letter(webhook)
        answer = self._post(body, headers)
        self._book.commit("webhook.attempt", [Change(KIND, name, self._after(webhook, answer))])

    def _after(self, webhook: JsonObject, answer: int | str) -> JsonObject:
        """Return the webhook as it is after this answer: a status, or what went wrong."""
        attempts = webhook["attempts"] + 1
        changed = {**webhook, "attempts": attempts, "last": answer}
        if isinstance(answer, int) and 200 <= answer < 300:  # noqa: PLR2004 - the 2xx of HTTP
            return {**changed, "state": "delivered"}
        if attempts > len(self._retry_after_s):
            log.warning("simulator_webhook_abandoned", webhook=webhook["id"], last=answer)
            return {**changed, "state": "abandoned"}
        return {**changed, "due_at": self._book.clock() + self._retry_after_s[attempts - 1]}

    def _post(self, body: bytes, headers: Mapping[str, str]) -> int | str:
        """Return the status that the receiver answered, or what went wrong, in words."""
        kind = (
            http.client.HTTPSConnection
            if self._url.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(self._url.hostname or "", self._url.port, timeout=_ANSWER_WAIT_S)
        target = self._url.path or "/"
        try:
            connection.request(
                "POST",
                f"{target}?{self._url.query}" if self._url.query else target,
                body,
                dict(headers),
            )
            answer = connection.getresponse()
            answer.read(_ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as trouble:
            return f"{type(trouble).__name__}: {trouble}"[:200]
        else:
            return answer.status
        finally:
            connection.close()
