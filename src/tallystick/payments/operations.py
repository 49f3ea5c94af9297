"""The verbs that move payments and refunds, inside the caller's transaction.

States move under the payment's lock, along the state table, each move with its step. Money is
booked by `facts`, and by nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from tallystick import db, ids, jobs, wallets
from tallystick.db import Connection
from tallystick.money import Money
from tallystick.payments import rules, store
from tallystick.payments.errors import (
    KeyReused,
    PaymentNotFound,
    ReasonMissing,
    ReviewNotFound,
    ReviewResolved,
)
from tallystick.payments.model import (
    Attempt,
    Change,
    Crossing,
    Names,
    Payment,
    PaymentState,
    Refund,
    Review,
)
from tallystick.payments.provider import Accepted, CallRefused, Capabilities, Operation, Provider
from tallystick.payments.store import AttemptRow

__all__ = [
    "REFUND",
    "SUBMIT",
    "Begun",
    "ask_a_person",
    "begin",
    "create",
    "locked",
    "look_later",
    "move",
    "postpone",
    "record_accepted",
    "record_refused",
    "record_unknown",
    "resolve",
    "send_later",
]

#: The jobs that call the provider.
SUBMIT: Final = "payments.submit"
REFUND: Final = "payments.refund"

Moving = TypeVar("Moving", bound=Crossing)


def create(
    conn: Connection,
    *,
    owner: str,
    wallet_id: UUID,
    amount: Money,
    provider: Provider,
    caller: str,
    key: str,
    request_id: str,
    now: datetime,
) -> Payment:
    """Keep a payment and the job that sends it; both commit with the caller's transaction.

    The same caller, key and request return the same payment. Raises WalletNotFound,
    CurrencyMismatch, CurrencyUnsupported, AmountOutOfRange, KeyReused for a key that stands for
    another request, and TransactionRequired outside a READ COMMITTED transaction.
    """
    db.require_transaction(conn)
    rules.check_amount(amount, provider.capabilities)
    wallet = wallets.get(conn, wallet_id=wallet_id, owner=owner)
    Money(0, wallet.currency) + amount  # two currencies raise CurrencyMismatch
    asked = rules.fingerprint(wallet_id=wallet_id, amount=amount, provider=provider.name)
    patience = timedelta(seconds=provider.capabilities.queue_for_s[Operation.COLLECT])
    made = store.insert(
        conn,
        id=ids.new(),
        owner=owner,
        wallet_id=wallet_id,
        amount=amount.minor,
        currency=amount.currency.code,
        provider=provider.name,
        caller=caller,
        key=key,
        fingerprint=asked,
        request_id=request_id,
        expires_at=now + patience,
        now=now,
    )
    if made is not None:
        send_later(conn, made, delay_s=0)
        return made
    [kept] = store.read(conn, "by_key", caller=caller, key=key)
    # The fingerprint holds the wallet, and with it the owner.
    if kept.fingerprint != asked:
        raise KeyReused("This idempotency key stands for another request: use a new one.")
    return kept


@dataclass(frozen=True, slots=True)
class Begun:
    """Leave to call the provider: what for, and the open attempt."""

    payment: Payment
    #: The refund to make; None where the payment is to be collected.
    refund: Refund | None
    attempt: Attempt


def begin(conn: Connection, names: Names, *, capabilities: Capabilities) -> Begun | None:
    """Open the attempt that lets the caller, and nobody else, call the provider.

    Returns None where there is nothing to send, or where another run may still be calling: the
    janitor comes back to it. An open attempt past its deadline is recorded as unknown, and the
    call repeated under the same key where the provider allows it. Locks the payment. What has
    waited for too long is not begun: `expire` ends it.
    """
    payment_id, refund_id = names
    payment, crossing, now = locked(conn, names)
    # What stands at its beginning was never sent: its first attempt moves it on.
    is_first = crossing.state is PaymentState.CREATED
    past = [] if is_first else store.attempts(conn, payment_id=payment_id, refund_id=refund_id)
    if past and past[-1].ended_at is None:
        if crossing.is_terminal or past[-1].read_at < past[-1].attempt.deadline_at:
            return None
        record_unknown(conn, past[-1].attempt)
        payment, crossing, now = locked(conn, names)
    if not _may_send(crossing, past, capabilities, now=now):
        return None
    if crossing.state is PaymentState.CREATED:
        crossing = move(conn, crossing, PaymentState.SENDING, now=now)
    attempt = store.open_attempt(
        conn,
        crossing,
        number=len(past) + 1,
        operation=Operation.COLLECT if refund_id is None else Operation.REFUND,
        deadline_s=capabilities.deadline_s,
    )
    if isinstance(crossing, Refund):
        return Begun(payment, crossing, attempt)
    return Begun(crossing, None, attempt)


def _may_send(
    crossing: Crossing, past: Sequence[AttemptRow], capabilities: Capabilities, *, now: datetime
) -> bool:
    if crossing.state is PaymentState.UNKNOWN and past:
        return rules.may_resend(past[0].started_at, past[0].read_at, capabilities)
    return crossing.state is PaymentState.CREATED and now < crossing.expires_at


def postpone(
    conn: Connection,
    names: Names,
    *,
    why: str,
    delay_s: int,
    turn: int,
) -> None:
    """Send what waits in our queue a little later, and tell its people why it waits.

    Nothing was sent. It is tried once more before its time is over, and told once; not at all for
    an empty `why`. `turn` counts how often it had to wait.
    """
    payment_id, refund_id = names
    _, crossing, now = locked(conn, names)
    if crossing.state is not PaymentState.CREATED:
        return
    told = [step.note for step in store.steps(conn, payment_id) if step.refund_id == refund_id]
    if why and told[-1:] != [why]:
        noted = replace(crossing, updated_at=now)
        store.write(conn, [Change(noted, crossing.state.value, why)])
    left_s = max(1, (crossing.expires_at - now) // timedelta(seconds=1))
    send_later(conn, crossing, delay_s=min(delay_s, left_s), turn=turn)


def record_accepted(
    conn: Connection,
    attempt: Attempt | None,
    accepted: Accepted,
    *,
    payment_id: UUID,
) -> None:
    """Record that the provider has the payment. A payment that a webhook settled stays settled.

    `attempt` is None where it was found by looking, not by an answer.
    """
    _, payment, now = locked(conn, (payment_id, None))
    if attempt is not None:
        store.end_attempt(conn, attempt.id, outcome="answered")
    if payment.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        assert isinstance(payment, Payment)
        changed = replace(payment, reference=accepted.reference, action_url=accepted.action_url)
        move(conn, changed, PaymentState.SUBMITTED, now=now)


def record_refused(conn: Connection, attempt: Attempt, refusal: CallRefused) -> None:
    """Record that the provider refused a payment for good: nothing was taken."""
    _, payment, now = locked(conn, (attempt.payment_id, None))
    store.end_attempt(conn, attempt.id, outcome="refused")
    if payment.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        sentence = refusal.sentence[:500]
        changed = replace(payment, failure_code=refusal.code, failure_detail=sentence)
        move(conn, changed, PaymentState.FAILED, now=now, note=sentence)


def record_unknown(conn: Connection, attempt: Attempt, *, retry_after_s: int | None = None) -> None:
    """Record that nobody knows what became of the call; the janitor asks a little later.

    Not before `retry_after_s` seconds where the provider said so.
    """
    _, crossing, now = locked(conn, (attempt.payment_id, attempt.refund_id))
    if not store.end_attempt(conn, attempt.id, outcome="unknown"):
        return
    if crossing.state is PaymentState.SENDING:
        note = "The provider did not answer in time; we ask again."
        crossing = move(conn, crossing, PaymentState.UNKNOWN, now=now, note=note)
    if retry_after_s is not None and crossing.look_at is not None:
        later = max(crossing.look_at, now + timedelta(seconds=retry_after_s))
        look_later(conn, crossing, later)


def look_later(conn: Connection, crossing: Crossing, when: datetime) -> None:
    """Have a locked payment or refund looked at again at a moment of our clock."""
    store.look_later(conn, _LOOK_LATER[type(crossing)], {crossing.id: when})


def ask_a_person(conn: Connection, crossing: Crossing, *, now: datetime) -> None:
    """Hand a locked payment or refund to a person: no provider could tell what became of it."""
    words = "The provider could not say what became of it. Find out there, and decide."
    if crossing.state is not PaymentState.UNKNOWN:
        crossing = move(conn, crossing, PaymentState.UNKNOWN, now=now)
    move(conn, crossing, PaymentState.REVIEW, now=now, note=words)
    word, prefix = ("refund", "ref") if isinstance(crossing, Refund) else ("payment", "pay")
    asked = Review(
        id=ids.new(),
        kind=f"{word}_unknown",
        subject=ids.show(prefix, crossing.id),
        payment_id=crossing.names[0],
        provider=crossing.provider,
        question=words,
        opened_at=now,
    )
    store.open_review(conn, asked)


def resolve(conn: Connection, *, review_id: UUID, by: str, reason: str, now: datetime) -> Review:
    """Keep a person's answer to a review and return it; the money stays where it is.

    Raises ReviewNotFound, ReviewResolved, and ReasonMissing for no reason of 1 to 500 characters.
    Locks the review.
    """
    words = reason.strip()
    if not 1 <= len(words) <= _REASON_MAX or not db.is_text(words):
        raise ReasonMissing(f"Say in 1 to {_REASON_MAX} characters what you found.")
    review = store.lock_review(conn, review_id)
    if review is None:
        raise ReviewNotFound("There is no such review.")
    if not review.is_open:
        raise ReviewResolved("Somebody has answered this already.")
    store.run(conn, "resolve_review", id=review_id, resolved_at=now, resolved_by=by, reason=words)
    return replace(review, resolved_at=now, resolved_by=by, reason=words)


_REASON_MAX: Final = 500
_LOOK_LATER: Final = {Payment: "look_later_payments", Refund: "look_later_refunds"}


def locked(conn: Connection, names: Names) -> tuple[Payment, Crossing, datetime]:
    """Lock a payment and return it with the one that is meant: itself, or a refund of it.

    The last is the time of the transaction. Raises PaymentNotFound.
    """
    found = store.lock_one(conn, names)
    if found is None:
        raise PaymentNotFound("There is no such payment.")
    return found


def move(
    conn: Connection, crossing: Moving, after: PaymentState, *, now: datetime, note: str = ""
) -> Moving:
    """Write a locked payment's or refund's move and return it as it stands then.

    Raises MoveForbidden.
    """
    arrived = rules.moved(crossing, after, now=now)
    store.write(conn, [Change(arrived, crossing.state.value, note)])
    return arrived


def send_later(conn: Connection, crossing: Crossing, *, delay_s: int, turn: int = 0) -> None:
    """Enqueue the job that calls the provider; `turn` as in `postpone`."""
    payment_id, refund_id = crossing.names
    name = SUBMIT if refund_id is None else REFUND
    arguments: dict[str, str | int] = {"payment_id": str(payment_id), "provider": crossing.provider}
    if refund_id is not None:
        arguments["refund_id"] = str(refund_id)
    if turn:
        arguments["turn"] = turn
    jobs.enqueue(conn, name=name, arguments=arguments, queue="money", delay_s=delay_s)
