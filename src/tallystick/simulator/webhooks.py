"""The courier: delivers what a provider owes, at least once, until somebody answers 2xx.

What is owed is an object in the book, so a restart goes on where the last run ended. Order is
not promised, redirects are failures, and after the last attempt it gives up and says so. It
lives by the real time, whatever the provider's clock says.
"""

from __future__ import annotations

import heapq
import http.client
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final
from urllib.parse import SplitResult, urlsplit

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


def owed(event: str, *, now: float, place: int, fault: Fault | None = None) -> list[Change]:
    """Return the webhooks that the event costs: one, or what the fault makes of it.

    `place` tells older from newer: it grows from event to event.
    """
    what = fault.what if fault else ""
    delays = {"late_webhook", "out_of_order_webhook"}
    webhook = {
        "event": event,
        "state": "lost" if what == "lost_webhook" else "owed",
        "attempts": 0,
        "due_at": now + fault.after_s if fault and what in delays else now,
        "last": None,
        "place": place,
        # It is due at once when a newer one has been delivered.
        "is_overtaken": what == "out_of_order_webhook",
    }
    names = [f"{event}.{number}" for number in range(1, 3 if what == "double_webhook" else 2)]
    return [Change(KIND, name, {"id": name, **webhook}) for name in names]


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
        self._line_to = partial(_Line, parts)
        self._book = book
        self._letter = letter
        self._retry_after_s = tuple(retry_after_s)
        self._due: list[tuple[float, str]] = []
        self._overtaken: dict[str, int] = {}
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
                if change.object.get("is_overtaken"):
                    self._overtaken[change.id] = change.object["place"]
            self._wake.notify(len(due))

    def _work(self) -> None:
        line = self._line_to()
        while (next_one := self._next()) is not None:
            try:
                self._attempt(line, *next_one)
            except JournalUnwritable:
                if not self._stopping:
                    log.exception("simulator_webhook_not_journalled", webhook=next_one[1])
                return
        line.close()

    def _next(self) -> tuple[float, str] | None:
        """Return the webhook that is due and since when, waiting for it; None at the end."""
        with self._wake:
            while not self._stopping:
                wait_s = self._due[0][0] - self._book.real_clock() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)
                self._wake.wait(wait_s)
        return None

    def _attempt(self, line: _Line, due_at: float, name: str) -> None:
        webhook = self._book.find(KIND, name)
        # A webhook that was put forward stands in the queue twice.
        if webhook is None or webhook["state"] != "owed" or webhook["due_at"] != due_at:
            return
        answer = line.post(*self._letter(webhook))
        after = self._after(webhook, answer)
        changes = [Change(KIND, name, after)]
        with self._book.lock:
            if after["state"] == "delivered":
                changes += self._put_forward(name, webhook.get("place", 0))
            self._book.commit("webhook.attempt", changes)

    def _put_forward(self, delivered: str, place: int) -> list[Change]:
        """Return the webhooks that waited until a newer one was delivered: due now."""
        with self._wake:
            self._overtaken.pop(delivered, None)
            names = [name for name, other in self._overtaken.items() if other < place]
            for name in names:
                del self._overtaken[name]
        now = self._book.real_clock()
        found = [self._book.find(KIND, name) for name in names]
        return [
            Change(KIND, one["id"], {**one, "due_at": now, "is_overtaken": False})
            for one in found
            if one and one["state"] == "owed"
        ]

    def _after(self, webhook: JsonObject, answer: int | str) -> JsonObject:
        """Return the webhook as it is after this answer: a status, or what went wrong."""
        attempts = webhook["attempts"] + 1
        changed = {**webhook, "attempts": attempts, "last": answer}
        if isinstance(answer, int) and 200 <= answer < 300:  # noqa: PLR2004 - the 2xx of HTTP
            return {**changed, "state": "delivered"}
        if attempts > len(self._retry_after_s):
            log.warning("simulator_webhook_abandoned", webhook=webhook["id"], last=answer)
            return {**changed, "state": "abandoned"}
        return {**changed, "due_at": self._book.real_clock() + self._retry_after_s[attempts - 1]}


class _Line:
    """One connection to the receiver, kept between letters; one thread's own."""

    def __init__(self, url: SplitResult) -> None:
        secure = url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(url.hostname or "", url.port, timeout=_ANSWER_WAIT_S)
        self._target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
        self._is_used = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> int | str:
        """Return the status that the receiver answered, or what went wrong, in words."""
        try:
            return self._post(body, headers)
        except (OSError, http.client.HTTPException) as trouble:
            was_used = self._is_used
            self.close()
            # The receiver may let go of an idle connection; a new one deserves a try of its own.
            gone = isinstance(trouble, (ConnectionError, http.client.RemoteDisconnected))
            if was_used and gone:
                return self.post(body, headers)
            return f"{type(trouble).__name__}: {trouble}"[:200]

    def close(self) -> None:
        """Let go of the connection; the next letter opens another."""
        self._is_used = False
        self._connection.close()

    def _post(self, body: bytes, headers: Mapping[str, str]) -> int:
        self._connection.request("POST", self._target, body, dict(headers))
        answer = self._connection.getresponse()
        answer.read(_ANSWER_BYTES_MAX)
        self._is_used = True
        if not answer.isclosed():
            # More than anybody reads: what is left of it must not begin the next answer.
            self.close()
        return answer.status
