"""One key, one outcome: what a deed answered is kept and replayed, refusals included.

The record commits with the deed, which the Writer does. What may go better the next time is not
kept, and neither is what was refused before any deed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Final

from django.http import HttpRequest, HttpResponse

from tallystick import idempotency
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.idempotency import Claim, Outcome
from tallystick.ledger import Deed, Once, Posted, Refused, Replayed
from tallystick.web.api.session import idempotency_key
from tallystick.web.database import whole_heart
from tallystick.web.house import house
from tallystick.web.problems import PROBLEM_TYPE, from_error, status_of

__all__ = ["Asked", "once"]

_CREATED: Final = 201
_REFUSED: Final = 400
#: Refusals that stand: absent, against its state or cover, understood and wrong.
_FINAL: Final = frozenset({403, 404, 409, 422})


@dataclass(frozen=True, slots=True)
class Asked:
    """A deed that a request asks for, and how it is told."""

    deed: Deed
    #: Returns the body of what happened; raises the TallystickError of a refusal.
    tell: Callable[[Posted | Refused], bytes]


def once(request: HttpRequest, *, caller: str, ask: Callable[[Connection], Asked]) -> HttpResponse:
    """Have the deed done that `ask` returns, and answer; or as the same key was answered before.

    `ask` reads and writes nothing of the deed; what it raises is not kept. Raises
    IdempotencyKeyMalformed, KeyReused, InFlight and what the Writer raises.
    """
    claim = Claim(
        caller,
        idempotency_key(request),
        idempotency.fingerprint(request.method or "", request.path, request.body),
    )
    with whole_heart() as conn:
        earlier = idempotency.find(conn, claim)
        if earlier is not None:
            return _reply(earlier, is_replay=True)
        asked = ask(conn)
    # The answer is made on the Writer's thread, and knows the request's id there too.
    context = copy_context()

    def answer(outcome: Posted | Refused) -> Outcome | None:
        return context.run(_answer, request, asked, outcome)

    outcome = house().writer.execute(replace(asked.deed, once=Once(claim, answer)))
    if isinstance(outcome, Replayed):
        return _reply(outcome.answer, is_replay=True)
    # Made again, because a batch that was tried twice may have had another answer before.
    own = _answer(request, asked, outcome)
    if own is None:
        assert isinstance(outcome, Refused), "what happened has an answer"
        raise outcome.error
    return _reply(own, is_replay=False)


def _answer(request: HttpRequest, asked: Asked, outcome: Posted | Refused) -> Outcome | None:
    """Return what the caller gets of an outcome; None where it does not stand."""
    try:
        return Outcome(_CREATED, asked.tell(outcome))
    except TallystickError as refusal:
        status, _ = status_of(refusal.code)
        return Outcome(status, from_error(request, refusal).content) if status in _FINAL else None


def _reply(outcome: Outcome, *, is_replay: bool) -> HttpResponse:
    kind = PROBLEM_TYPE if outcome.status >= _REFUSED else "application/json"
    headers = {"Idempotency-Replayed": "true"} if is_replay else {}
    return HttpResponse(outcome.response, status=outcome.status, content_type=kind, headers=headers)
