"""The verbs that move payments, inside the caller's transaction.

States move under the payment's lock, along the state table, each move with its step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick import chart, db, ids, jobs, ledger, wallets
from tallystick.db import Connection
from tallystick.ledger import Deed, Move, Posted
from tallystick.money import Money
from tallystick.payments import rules, store
from tallystick.payments.errors import FactMismatch, KeyReused, MoveForbidden, PaymentNotFound
from tallystick.payments.model import Attempt, Payment, PaymentState
from tallystick.payments.provider import (
    Accepted,
    CallRefused,
    Capabilities,
    Declined,
    Expired,
    Paid,
    Provider,
)
from tallystick.wallets import Wallet

__all__ = [
    "SUBMIT",
    "begin",
    "book_declined",
    "book_expired",
    "book_paid",
    "create",
    "record_accepted",
    "record_refused",
    "record_unknown",
]

#: The job that calls the provider.
SUBMIT: Final = "payments.submit"
#: The place of payments in the house's lock order, among state rows.
_RANK: Final = 220


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
    payment_id = ids.new()
    is_new = store.insert(
        conn,
        id=payment_id,
        owner=owner,
        wallet_id=wallet_id,
        amount=amount.minor,
        currency=amount.currency.code,
        provider=provider.name,
        caller=caller,
        key=key,
        fingerprint=asked,
        request_id=request_id,
        expires_at=now + timedelta(seconds=provider.capabilities.queue_for_s),
        now=now,
    )
    [payment] = store.read(conn, "by_key", caller=caller, key=key)
    # The fingerprint holds the wallet, and with it the owner.
    if payment.fingerprint != asked:
        raise KeyReused("This idempotency key stands for another request: use a new one.")
    if is_new:
        store.write_step(
            conn, payment.id, before="none", after=PaymentState.CREATED, note="", now=now
        )
        _send_later(conn, payment.id, delay_s=0)
    return payment


@dataclass(frozen=True, slots=True)
class Begun:
    """Leave to call the provider: the payment and the open attempt."""

    payment: Payment
    attempt: Attempt


def begin(
    conn: Connection, payment_id: UUID, *, capabilities: Capabilities, now: datetime
) -> Begun | None:
    """Open the attempt that lets the caller, and nobody else, call the provider.

    Returns None where there is nothing to send, or where another run may still be calling: then
    the job comes back past that run's deadline. An open attempt past its deadline is recorded as
    unknown, and the call repeated under the same key where the provider allows it. Locks the
    payment.
    """
    payment = _locked(conn, payment_id)
    past = store.attempts(conn, payment_id)
    if past and past[-1].ended_at is None and not payment.is_terminal:
        if past[-1].read_at < past[-1].attempt.deadline_at:
            _send_later(conn, payment_id, delay_s=capabilities.deadline_s + 1)
            return None
        record_unknown(conn, past[-1].attempt, now=now)
        payment = _locked(conn, payment_id)
    if not _may_send(conn, payment, past, capabilities, now=now):
        return None
    attempt = store.open_attempt(
        conn,
        payment_id=payment_id,
        number=len(past) + 1,
        provider_key=f"tallystick-{payment_id}-collect",
        deadline_s=capabilities.deadline_s,
    )
    return Begun(payment, attempt)


def _may_send(
    conn: Connection,
    payment: Payment,
    past: list[store.AttemptRow],
    capabilities: Capabilities,
    *,
    now: datetime,
) -> bool:
    """Move a locked payment on to its call, or expire it, and return whether to call."""
    if payment.state is PaymentState.UNKNOWN:
        return rules.may_resend(past[0].started_at, past[0].read_at, capabilities)
    if payment.state is not PaymentState.CREATED:
        return False
    if now >= payment.expires_at:
        _move(conn, payment, PaymentState.EXPIRED, now=now, note="Nothing was sent in time.")
        return False
    _move(conn, payment, PaymentState.SENDING, now=now)
    return True


def record_accepted(
    conn: Connection, attempt: Attempt, accepted: Accepted, *, now: datetime
) -> None:
    """Record that the provider took the payment. A payment that a webhook settled stays settled."""
    payment = _locked(conn, attempt.payment_id)
    store.end_attempt(conn, attempt.id, outcome="answered")
    if payment.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        changed = replace(payment, reference=accepted.reference, action_url=accepted.action_url)
        _move(conn, changed, PaymentState.SUBMITTED, now=now)


def record_refused(
    conn: Connection, attempt: Attempt, refusal: CallRefused, *, now: datetime
) -> None:
    """Record that the provider refused for good: nothing was taken."""
    payment = _locked(conn, attempt.payment_id)
    store.end_attempt(conn, attempt.id, outcome="refused")
    if payment.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        changed = replace(payment, failure_code=refusal.code, failure_detail=refusal.sentence[:500])
        _move(conn, changed, PaymentState.FAILED, now=now, note=refusal.sentence[:500])


def record_unknown(conn: Connection, attempt: Attempt, *, now: datetime) -> None:
    """Record that nobody knows what became of the call, and ask again a little later."""
    payment = _locked(conn, attempt.payment_id)
    if not store.end_attempt(conn, attempt.id, outcome="unknown"):
        return
    if payment.state is PaymentState.SENDING:
        note = "The provider did not answer in time; we ask again."
        _move(conn, payment, PaymentState.UNKNOWN, now=now, note=note)
    if payment.state in {PaymentState.SENDING, PaymentState.UNKNOWN}:
        _send_later(conn, payment.id, delay_s=min(300, 2**attempt.number))


def book_paid(conn: Connection, fact: Paid, *, provider: str, event_id: UUID) -> Posted | None:
    """Book the provider's money to the wallet, once; return None where it is booked already.

    One transaction holds the transfer, the state and the step. Raises PaymentNotFound for an
    unknown payment, and FactMismatch for another amount than was asked: nothing is booked then.
    """
    payment_id = ids.read("pay", fact.payment_id)
    payment = next(iter(store.read(conn, "by_id", id=payment_id)), None)
    if payment is None or payment.provider != provider:
        raise PaymentNotFound(f"{provider} reports a payment that is not here: {payment_id}.")
    if fact.amount != payment.amount:
        raise FactMismatch(f"{fact.amount} was paid, {payment.amount} was asked for.")
    if payment.state is PaymentState.SETTLED:
        return None
    wallet = wallets.get(conn, wallet_id=payment.wallet_id, owner=payment.owner)
    deed = _top_up(conn, payment, wallet, fact, actor=f"provider:{provider}", event_id=event_id)
    try:
        return ledger.post(conn, deed)
    except AlreadySettled:
        return None


def book_declined(conn: Connection, fact: Declined, *, now: datetime) -> None:
    """Record that a card was refused: the payment stays open for another card."""
    payment = _locked(conn, ids.read("pay", fact.payment_id))
    if payment.state is not PaymentState.SUBMITTED:
        return
    changed = replace(
        payment, failure_code=fact.code, failure_detail=fact.sentence[:500], updated_at=now
    )
    store.update(conn, changed, before=payment.state, note=fact.sentence[:500])


def book_expired(conn: Connection, fact: Expired, *, now: datetime) -> None:
    """Record that the provider's offer ran out; a payment that was paid stays paid."""
    payment = _locked(conn, ids.read("pay", fact.payment_id))
    if PaymentState.EXPIRED in rules.ALLOWED[payment.state]:
        _move(conn, payment, PaymentState.EXPIRED, now=now, note="The payment page has expired.")


class AlreadySettled(MoveForbidden):
    """Another run booked the same fact first."""

    code = "payment_already_settled"


@dataclass(frozen=True)
class _Settlement:
    """The part of a top-up's deed that settles its payment."""

    payment_id: UUID
    reference: str
    rank: int = _RANK

    @property
    def keys(self) -> tuple[UUID, ...]:
        return (self.payment_id,)

    def lock(self, conn: Connection, keys: tuple[UUID, ...]) -> Mapping[UUID, Payment]:
        return store.lock(conn, keys)

    def decide(self, rows: Mapping[UUID, Payment], now: datetime) -> Mapping[UUID, Payment]:
        payment = rows[self.payment_id]
        if payment.state is PaymentState.SETTLED:
            raise AlreadySettled("The payment is settled already.")
        rules.check_move(payment.state, PaymentState.SETTLED)
        return {payment.id: replace(payment, state=PaymentState.SETTLED, updated_at=now)}

    def write(self, conn: Connection, posted: Posted) -> None:
        payment = store.lock(conn, (self.payment_id,))[self.payment_id]
        settled = replace(
            payment,
            reference=payment.reference or self.reference,
            failure_code=None,
            failure_detail=None,
            posting_id=posted.deed.id,
            settled_at=posted.created_at,
        )
        _move(conn, settled, PaymentState.SETTLED, now=posted.created_at)


def _top_up(
    conn: Connection, payment: Payment, wallet: Wallet, fact: Paid, *, actor: str, event_id: UUID
) -> Deed:
    plan = chart.clearing(payment.provider, payment.amount.currency)
    [clearing_id] = ledger.open_accounts(conn, [plan])
    return Deed(
        id=ids.new(),
        kind="top_up",
        actor=actor,
        request_id=str(event_id),
        occurred_at=fact.occurred_at,
        moves=(Move(clearing_id, wallet.available_id, fact.amount, "top_up"),),
        parts=(_Settlement(payment.id, fact.reference),),
    )


def _send_later(conn: Connection, payment_id: UUID, *, delay_s: int) -> None:
    arguments = {"payment_id": str(payment_id)}
    jobs.enqueue(conn, name=SUBMIT, arguments=arguments, queue="money", delay_s=delay_s)


def _locked(conn: Connection, payment_id: UUID) -> Payment:
    payment = store.lock(conn, (payment_id,)).get(payment_id)
    if payment is None:
        raise PaymentNotFound("There is no such payment.")
    return payment


def _move(
    conn: Connection, payment: Payment, after: PaymentState, *, now: datetime, note: str = ""
) -> None:
    """Write a locked payment's move; the page to pay on is gone with every move but `submitted`."""
    rules.check_move(payment.state, after)
    action_url = payment.action_url if after is PaymentState.SUBMITTED else None
    moved = replace(payment, state=after, action_url=action_url, updated_at=now)
    store.update(conn, moved, before=payment.state, note=note)
