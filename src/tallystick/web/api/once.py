"""One key, one outcome: what a deed answered is kept and replayed, refusals included.

The record commits with the deed. What may go better the next time is not kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse

from tallystick import db, idempotency
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.idempotency import Outcome
from tallystick.web.api.session import idempotency_key
from tallystick.web.database import heart
from tallystick.web.problems import PROBLEM_TYPE, from_error, status_of

__all__ = ["once"]

_CREATED: Final = 201
_REFUSED: Final = 400
#: Refusals that stand: absent, against its state or cover, understood and wrong.
_FINAL: Final = frozenset({403, 404, 409, 422})


def once(
    request: HttpRequest, *, caller: str, decide: Callable[[Connection], bytes]
) -> HttpResponse:
    """Answer with what `decide` returns, or with what the same key was answered before.

    `decide` runs in the transaction that keeps the outcome, and must have written nothing
    where it raises a TallystickError. Raises IdempotencyKeyMalformed, KeyReused and InFlight.
    """
    key = idempotency_key(request)
    asked = idempotency.fingerprint(request.method or "", request.path, request.body)
    with heart() as conn:
        now = db.now(conn)
        earlier = idempotency.claim(conn, caller=caller, key=key, fingerprint=asked, now=now)
        if earlier is not None:
            return _reply(earlier, is_replay=True)
        outcome = _decided(request, conn, decide)
        idempotency.store(conn, caller=caller, key=key, outcome=outcome)
    return _reply(outcome, is_replay=False)


def _decided(
    request: HttpRequest, conn: Connection, decide: Callable[[Connection], bytes]
) -> Outcome:
    try:
        return Outcome(_CREATED, decide(conn))
    except TallystickError as refusal:
        status, _ = status_of(refusal.code)
        if status not in _FINAL:
            raise
        return Outcome(status, from_error(request, refusal).content)


def _reply(outcome: Outcome, *, is_replay: bool) -> HttpResponse:
    kind = PROBLEM_TYPE if outcome.status >= _REFUSED else "application/json"
    headers = {"Idempotency-Replayed": "true"} if is_replay else {}
    return HttpResponse(outcome.response, status=outcome.status, content_type=kind, headers=headers)
