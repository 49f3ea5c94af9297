"""One key, one outcome, for a whole batch: the first deed of a key decides, the others replay.

Keys are claimed before anything else is locked; what is kept commits with the deeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from tallystick import idempotency
from tallystick.db import Connection
from tallystick.idempotency import Record
from tallystick.ledger.model import Deed, Outcome, Posted, Refused, Replayed

__all__ = ["Known", "Own", "claim", "keep"]

#: What becomes of a deed that is not decided: an outcome, or the place of the deed of the batch
#: that has its key and whose outcome it shares.
Known = Replayed | Refused | int
#: What a deed came to that was decided.
Own = Posted | Refused


def claim(
    conn: Connection, deeds: Sequence[Deed], *, now: datetime, wait_ms: int
) -> dict[int, Known]:
    """Claim the deeds' keys and return, by its place, what is known of each that is not to decide.

    Raises InFlight where another transaction keeps one of the keys for longer than `wait_ms`.
    """
    asked = {place: deed.once.claim for place, deed in enumerate(deeds) if deed.once is not None}
    first: dict[tuple[str, str], int] = {}
    for place, one in asked.items():
        first.setdefault(one.name, place)
    claims = [asked[place] for place in first.values()]
    taken = idempotency.claim(conn, claims, now=now, wait_ms=wait_ms) if claims else {}
    known: dict[int, Known] = {}
    for place, one in asked.items():
        record, leader = taken.get(one.name), first[one.name]
        if record is not None:
            known[place] = _judged(deeds[place], record)
        elif leader != place:
            # What an earlier deed of the batch has claimed stands as if it were committed.
            standing = Record(asked[leader].fingerprint, None)
            is_same = one.fingerprint == standing.fingerprint
            known[place] = leader if is_same else _judged(deeds[place], standing)
    return known


def keep(
    conn: Connection, deeds: Sequence[Deed], *, known: Mapping[int, Known], decided: Sequence[Own]
) -> list[Outcome]:
    """Keep the decided deeds' answers under their keys, and return the outcomes of all deeds.

    `decided` has those that `known` has not, in their order. A refusal without an answer gives
    its key back; what happened always has one.
    """
    rest = iter(decided)
    own = {place: next(rest) for place in range(len(deeds)) if place not in known}
    answers = {place: _answer(one) for place, one in own.items() if one.deed.once is not None}
    names = {place: once.claim.name for place in answers if (once := deeds[place].once)}
    kept = {names[place]: answer for place, answer in answers.items() if answer is not None}
    if kept:
        idempotency.store(conn, kept)
    if len(kept) < len(names):
        free = [name for name in names.values() if name not in kept]
        idempotency.forget(conn, free)
    outcomes: list[Outcome] = []
    for place, deed in enumerate(deeds):
        one = own.get(place) or known[place]
        outcomes.append(one if not isinstance(one, int) else _shared(deed, own[one], answers[one]))
    return outcomes


def _answer(outcome: Own) -> idempotency.Outcome | None:
    assert outcome.deed.once is not None
    answer = outcome.deed.once.answer(outcome)
    assert answer is not None or isinstance(outcome, Refused), "what happened is kept"
    return answer


def _shared(deed: Deed, leader: Own, answer: idempotency.Outcome | None) -> Replayed | Refused:
    """Return what a deed gets whose key an earlier one of the batch decided."""
    if answer is not None:
        return Replayed(deed, answer)
    assert isinstance(leader, Refused), "what happened is kept"
    return Refused(deed, leader.error)


def _judged(deed: Deed, record: Record) -> Replayed | Refused:
    assert deed.once is not None
    seen = idempotency.judge(deed.once.claim, record)
    if isinstance(seen, idempotency.Outcome):
        return Replayed(deed, seen)
    return Refused(deed, seen)
