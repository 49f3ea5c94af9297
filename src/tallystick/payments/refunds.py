"""Refunds that we start: what is left is guarded under the payment's lock, the money held first.

Inside the caller's transaction; nothing here commits or calls a provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick import idempotency, ids, ledger, wallets
from tallystick.db import Connection
from tallystick.idempotency import Claim
from tallystick.ledger import (
    Account,
    Deed,
    InsufficientFunds,
    Move,
    Once,
    Posted,
    Refused,
    Replayed,
)
from tallystick.money import Money
from tallystick.payments import rules, store
from tallystick.payments.errors import (
    KeyReused,
    PaymentNotFound,
    RefundNotCovered,
    RefundUnsupported,
)
from tallystick.payments.model import Origin, PaymentState, Reason, Refund, Standing
from tallystick.payments.operations import send_later
from tallystick.payments.provider import Operation, Provider
from tallystick.wallets import Wallet

__all__ = ["refund"]

_RANK: Final = 220
_DONE: Final = 201


def refund(
    conn: Connection,
    *,
    payment_id: UUID,
    amount: Money | None,
    reason: Reason,
    provider: Provider,
    actor: str,
    caller: str,
    key: str,
    request_id: str,
    now: datetime,
    owner: str | None = None,
) -> Refund:
    """Set the money aside in the wallet and keep the refund with the job that sends it.

    No `amount` stands for all that is left; `owner` hides payments of others. The same caller,
    key and request return the same refund. Raises PaymentNotFound, RefundUnsupported,
    RefundTooLarge, RefundNotCovered, CurrencyMismatch, AmountOutOfRange, KeyReused for a key that
    stands for another request, idempotency's InFlight, and TransactionRequired. Locks the key, the
    payment, then the wallet's accounts.
    """
    payment = next(iter(store.read(conn, "by_id", id=payment_id)), None)
    if payment is None or owner not in {None, payment.owner} or payment.provider != provider.name:
        raise PaymentNotFound("There is no such payment.")
    asked = rules.refund_fingerprint(payment_id=payment_id, amount=amount, reason=reason)
    known = _known(conn, caller=caller, key=key, asked=asked)
    if known is not None:
        return known
    if not provider.capabilities.refund:
        raise RefundUnsupported("Payments of this kind cannot be refunded here.")
    whole = amount or payment.left
    rules.check_refund(payment, whole)
    patience = timedelta(seconds=provider.capabilities.queue_for_s[Operation.REFUND])
    draft = Refund(
        id=ids.new(),
        payment_id=payment.id,
        amount=whole,
        provider=payment.provider,
        origin=Origin.OURS,
        state=PaymentState.CREATED,
        reason=reason,
        actor=actor,
        caller=caller,
        key=key,
        fingerprint=asked,
        request_id=request_id,
        expires_at=now + patience,
        look_at=now + patience,
        created_at=now,
        updated_at=now,
    )
    wallet = wallets.get(conn, wallet_id=payment.wallet_id, owner=payment.owner)
    return _place(conn, draft, wallet)


def _known(conn: Connection, *, caller: str, key: str, asked: bytes) -> Refund | None:
    known = next(iter(store.read_refunds(conn, "refund_by_key", caller=caller, key=key)), None)
    if known is not None and known.fingerprint != asked:
        raise KeyReused("This idempotency key stands for another request: use a new one.")
    return known


def _place(conn: Connection, draft: Refund, wallet: Wallet) -> Refund:
    """Do the deed that sets the money aside; the first of a key does it, the others read it."""
    claim = Claim(draft.caller, draft.key, draft.fingerprint)
    kept = idempotency.Outcome(_DONE, str(draft.id).encode())
    deed = Deed(
        id=ids.new(),
        kind="refund_hold",
        actor=draft.actor,
        request_id=draft.request_id,
        occurred_at=draft.created_at,
        moves=(Move(wallet.available_id, wallet.held_id, draft.amount, "refund_hold"),),
        parts=(_Placement(draft),),
        once=Once(claim, lambda outcome: kept if isinstance(outcome, Posted) else None),
    )
    [outcome] = ledger.execute(conn, [deed])
    match outcome:
        case Posted():
            send_later(conn, draft, delay_s=0)
            identity = draft.id
        case Replayed():
            identity = UUID(outcome.answer.response.decode())
        case Refused(error=InsufficientFunds(account=Account() as account) as refusal):
            holds = Money(account.balance, draft.amount.currency)
            raise RefundNotCovered(
                f"The wallet holds {holds}: less than is to go back.", available=holds
            ) from refusal
        case Refused(error=refusal):
            raise refusal
    [placed] = store.read_refunds(conn, "refund_by_id", id=identity)
    return placed


@dataclass(frozen=True)
class _Placement:
    """The part of a refund's deed that takes it from what is left of the payment."""

    draft: Refund
    rank: int = _RANK

    @property
    def keys(self) -> tuple[UUID, ...]:
        return (self.draft.payment_id,)

    def lock(self, conn: Connection, keys: tuple[UUID, ...]) -> Mapping[UUID, Standing]:
        return store.lock(conn, keys)

    def decide(self, rows: Mapping[UUID, Standing], now: datetime) -> Mapping[UUID, Standing]:
        standing = rows[self.draft.payment_id]
        payment = standing.payment
        rules.check_refund(payment, self.draft.amount)
        less = replace(payment, refunded=payment.refunded + self.draft.amount, updated_at=now)
        return {payment.id: replace(standing, payment=less)}

    def write(
        self,
        conn: Connection,
        rows: Mapping[UUID, Standing],
        done: Sequence[tuple[_Placement, Posted]],
    ) -> None:
        after = {part.draft.payment_id: rows[part.draft.payment_id].payment for part, _ in done}
        store.write_payments(conn, list(after.values()))
        for part, posted in done:
            store.insert_refund(conn, replace(part.draft, held_posting_id=posted.deed.id))
