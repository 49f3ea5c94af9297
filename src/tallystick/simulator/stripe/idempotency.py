"""Idempotency keys as Stripe keeps them: the first status and body of a key, for 24 hours.

Kept once the work began, whatever came of it, 500 included; not kept for failed validation,
429 or a running twin. The record is journalled with the work, in the same line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from tallystick.simulator.book import Book, Change, JsonObject
from tallystick.simulator.stripe.errors import KeyInUse, KeyRefused, RequestInvalid

__all__ = ["KIND", "Keys", "fingerprint"]

KIND: Final = "idempotency_record"
_LIFE_S: Final = 86_400
_KEY_LENGTH_MAX: Final = 255


def fingerprint(method: str, path: str, parameters: Mapping[str, Any]) -> str:
    """Return what tells two requests apart, whatever the order of their parameters."""
    text = json.dumps([method, path, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


class Keys:
    """The keys of one account; call it under the book's lock."""

    def __init__(self, book: Book) -> None:
        """Find the kept records in the book."""
        self._book = book
        self._running: dict[str, str] = {}

    def begin(self, key: str, *, path: str, mark: str) -> JsonObject | None:
        """Return the kept record to replay, or None where the work may run; then call `finish`.

        Raises KeyInUse while the first request runs and KeyRefused for another request's key.
        """
        if not 0 < len(key) <= _KEY_LENGTH_MAX:
            raise RequestInvalid(f"Idempotency keys have 1 to {_KEY_LENGTH_MAX} characters.")
        if key in self._running:
            raise KeyInUse(
                "There is currently another in-progress request using this Idempotent Key "
                "(that probably means you submitted twice, and the other request is still "
                f"going through): {key}. Please try again later.",
                reason="idempotency_key_in_use",
            )
        record = self._kept(key)
        if record is not None:
            _refuse_another_request(record, key, path=path, mark=mark)
            return record
        self._running[key] = mark
        return None

    def record(self, key: str, *, path: str, mark: str, request: str, reply: JsonObject) -> Change:
        """Return the change that keeps the reply (`status`, `body`) under its key."""
        now = int(self._book.clock())
        kept = {"id": key, "path": path, "fingerprint": mark, "request": request, "created": now}
        return Change(KIND, key, {**kept, **reply})

    def finish(self, key: str) -> None:
        """This function will let the key's next request in."""
        with self._book.lock:
            self._running.pop(key, None)

    def _kept(self, key: str) -> JsonObject | None:
        record = self._book.find(KIND, key)
        if record is not None and self._book.clock() - record["created"] >= _LIFE_S:
            self._book.forget(KIND, key)
            return None
        return record


def _refuse_another_request(record: JsonObject, key: str, *, path: str, mark: str) -> None:
    if record["path"] != path:
        raise KeyRefused(
            "Keys for idempotent requests can only be used for the same endpoint they were first "
            f"used for ('{record['path']}' vs '{path}'). Try using a key other than '{key}' if "
            "you meant to execute a different request."
        )
    if record["fingerprint"] != mark:
        raise KeyRefused(
            "Keys for idempotent requests can only be used with the same parameters they were "
            f"first used with. Try using a key other than '{key}' if you meant to execute a "
            "different request."
        )
