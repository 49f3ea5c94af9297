"""The demo's payments as rows of their tables, with ids in the order of time. No I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tallystick import ids
from tallystick.database.seeds.tales import ASKER, Aftermath, Beat, Tale

__all__ = ["Aftermaths", "Rows", "Undone", "rows"]

_PROVIDER: Final = "demo"
_TABLES: Final = (
    *("payment", "collection", "refund", "payment_step"),
    *("attempt", "dispute", "review"),
)
_QUEUE: Final = timedelta(days=3)
#: Nobody can be asked about the demo: the janitor comes back to what is open when all have left.
_NEVER: Final = timedelta(days=36_500)
_OPEN: Final = frozenset({"created", "submitted", "unknown"})
_SENT: Final = frozenset({"sending", "submitted", "unknown", "review", "settled", "failed"})

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Undone:
    """What happened after a top-up, with the postings that were booked for it."""

    aftermath: Aftermath
    #: The posting of its top-up.
    brought_by: UUID
    #: The first set the money aside, or took it; the second ended that. None: it has not ended.
    begun_by: UUID
    ended_by: UUID | None
    at: datetime


Aftermaths = Sequence[Undone]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows by table, in the order in which they can be written."""

    tables: Mapping[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _TABLES})

    def add(self, table: str, **row: Any) -> None:
        """Add a row."""
        self.tables[table].append(row)


def rows(tales: Sequence[Tale], undone: Aftermaths, *, wallet_of: Mapping[UUID, UUID]) -> Rows:
    """Return all rows; `wallet_of` gives people's wallets."""
    made = Rows()
    after = {one.brought_by: one for one in undone}
    for number, tale in enumerate(tales, start=1):
        _tell(made, tale, number, wallet_of[tale.person.id], after.get(tale.posting_id))  # type: ignore[arg-type]
    return made


def _tell(made: Rows, tale: Tale, number: int, wallet_id: UUID, undone: Undone | None) -> None:
    identity = ids.new()
    was_sent = any(beat.state == "submitted" for beat in tale.beats)
    settled_at = tale.ended_at if tale.posting_id else None
    code, sentence = tale.failure or (None, None)
    gone = 0
    if undone is not None and undone.aftermath.what != "failed":
        gone = undone.aftermath.returned * 10**tale.amount.currency.exponent
    made.add(
        "payment",
        id=identity,
        owner=tale.person.owner,
        wallet_id=wallet_id,
        amount=tale.amount.minor,
        currency=tale.amount.currency.code,
        provider=_PROVIDER,
        state=tale.state,
        caller=tale.person.owner,
        key=f"demo-{number}",
        fingerprint=_fingerprint(f"payment {number}"),
        request_id="seed",
        reference=f"demo_session_{number:04}" if was_sent else None,
        failure_code=code,
        failure_detail=sentence,
        posting_id=tale.posting_id,
        expires_at=tale.begun_at + _QUEUE,
        created_at=tale.begun_at,
        updated_at=undone.at if undone else tale.ended_at,
        settled_at=settled_at,
        collected_reference=f"demo_money_{number:04}" if settled_at else None,
        refunded=gone,
        look_at=tale.begun_at + _NEVER if tale.state in _OPEN else None,
        waiting_since=_sent_at(tale) if was_sent or tale.state in {"unknown", "review"} else None,
    )
    _collection(made, tale, identity, number)
    _steps(made, identity, None, tale.begun_at, tale.beats)
    if any(beat.state in _SENT for beat in tale.beats):
        outcome = "unknown" if tale.state in {"unknown", "review"} else "answered"
        outcome = "refused" if tale.state == "failed" else outcome
        _attempt(made, identity, None, _sent_at(tale), outcome)
    if tale.question:
        shown = ids.show("pay", identity)
        _review(made, "payment_unknown", shown, identity, tale.question, tale.ended_at)
    if undone is not None:
        undo = _dispute if undone.aftermath.what == "dispute" else _refund
        undo(made, tale, identity, number, undone)


def _collection(made: Rows, tale: Tale, payment_id: UUID, number: int) -> None:
    """Add the money that came for a payment, if any did."""
    if tale.posting_id is None:
        return
    made.add(
        "collection",
        id=ids.new(),
        payment_id=payment_id,
        provider=_PROVIDER,
        reference=f"demo_session_{number:04}",
        collected_reference=f"demo_money_{number:04}",
        kind="settled",
        amount=tale.amount.minor,
        currency=tale.amount.currency.code,
        is_suspended=False,
        posting_id=tale.posting_id,
        occurred_at=tale.ended_at,
        created_at=tale.ended_at,
    )


def _sent_at(tale: Tale) -> datetime:
    return tale.begun_at + timedelta(seconds=tale.beats[1].after_s)


def _steps(
    made: Rows, payment_id: UUID, refund_id: UUID | None, begun_at: datetime, beats: Sequence[Beat]
) -> None:
    before = "none"
    for beat in beats:
        made.add(
            "payment_step",
            id=ids.new(),
            payment_id=payment_id,
            refund_id=refund_id,
            state_before=before,
            state=beat.state,
            note=beat.note,
            created_at=begun_at + timedelta(seconds=beat.after_s),
        )
        before = beat.state


def _attempt(
    made: Rows, payment_id: UUID, refund_id: UUID | None, at: datetime, outcome: str
) -> None:
    operation = "refund" if refund_id else "collect"
    took = timedelta(seconds=22 if outcome == "unknown" else 0.6)
    made.add(
        "attempt",
        id=ids.new(),
        payment_id=payment_id,
        refund_id=refund_id,
        number=1,
        operation=operation,
        provider_key=f"demo-{refund_id or payment_id}-{operation}",
        outcome=outcome,
        started_at=at,
        deadline_at=at + timedelta(seconds=22),
        ended_at=at + took,
    )


def _refund(made: Rows, tale: Tale, payment_id: UUID, number: int, undone: Undone) -> None:
    identity, what, at = ids.new(), undone.aftermath.what, undone.at
    is_settled, is_failed = what == "settled", what == "failed"
    note = undone.aftermath.note
    made.add(
        "refund",
        id=identity,
        payment_id=payment_id,
        amount=undone.aftermath.returned * 10**tale.amount.currency.exponent,
        currency=tale.amount.currency.code,
        provider=_PROVIDER,
        origin="ours",
        state=what,
        is_suspended=False,
        reason="requested_by_customer",
        actor=ASKER,
        caller=ASKER,
        key=f"demo-refund-{number}",
        fingerprint=_fingerprint(f"refund {number}"),
        request_id="seed",
        reference=f"demo_refund_{number:04}",
        failure_code="refund_failed" if is_failed else None,
        failure_detail=note if is_failed else None,
        held_posting_id=undone.begun_by,
        posting_id=undone.ended_by if is_settled else None,
        released_posting_id=undone.ended_by if is_failed else None,
        expires_at=at + _QUEUE,
        waiting_since=at,
        look_at=at + _NEVER if what in _OPEN else None,
        created_at=at,
        updated_at=at + timedelta(seconds=2),
        settled_at=at + timedelta(seconds=2) if is_settled else None,
    )
    beats = (Beat("created", 0), Beat("sending", 0.2), Beat(what, 2, note if is_failed else ""))
    _steps(made, payment_id, identity, at, beats)
    _attempt(made, payment_id, identity, at + timedelta(seconds=0.2), "answered")


def _dispute(made: Rows, tale: Tale, payment_id: UUID, number: int, undone: Undone) -> None:
    reference, reason = f"demo_dispute_{number:04}", undone.aftermath.note
    words = f"The payer's bank disputes {tale.amount} ({reason}): open."
    made.add(
        "payment_step",
        id=ids.new(),
        payment_id=payment_id,
        refund_id=None,
        state_before="settled",
        state="settled",
        note=words,
        created_at=undone.at,
    )
    made.add(
        "dispute",
        id=ids.new(),
        payment_id=payment_id,
        provider=_PROVIDER,
        reference=reference,
        amount=tale.amount.minor,
        currency=tale.amount.currency.code,
        reason=reason,
        state="open",
        is_suspended=False,
        withdrawn_posting_id=undone.begun_by,
        opened_at=undone.at,
        created_at=undone.at,
    )
    question = f"{words} Answer it at the provider, with evidence, or accept it."
    _review(made, "dispute", f"{_PROVIDER}:{reference}", payment_id, question, undone.at)


def _review(
    made: Rows, kind: str, subject: str, payment_id: UUID, question: str, at: datetime
) -> None:
    made.add(
        "review",
        id=ids.new(),
        kind=kind,
        subject=subject,
        payment_id=payment_id,
        provider=_PROVIDER,
        question=question,
        state="open",
        opened_at=at,
    )


def _fingerprint(asked: str) -> str:
    """Return a SHA-256 as PostgreSQL reads a bytea."""
    return "\\x" + hashlib.sha256(f"demo {asked}".encode()).hexdigest()
