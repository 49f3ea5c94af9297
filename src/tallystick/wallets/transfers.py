"""The verb that moves money between two wallets, inside the caller's transaction.

One deed through the ledger's executor: it decides under the lock. It never commits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick import idempotency, ids, ledger
from tallystick.db import Connection
from tallystick.errors import TallystickError
from tallystick.idempotency import Outcome
from tallystick.ledger import Deed, InsufficientFunds, Move, MoveInvalid, Posted
from tallystick.money import Currency, Money
from tallystick.wallets import queries, rules
from tallystick.wallets.errors import NoCover
from tallystick.wallets.model import Transferred, Wallet

__all__ = ["transfer"]

_KIND = "transfer"


def transfer(
    conn: Connection,
    *,
    actor: str,
    owner: str,
    from_wallet: UUID,
    to_wallet: UUID,
    amount: Money,
    request_id: str,
    now: datetime,
    caller: str | None = None,
    key: str | None = None,
    note: str | None = None,
) -> Transferred:
    """Move money from the owner's wallet to another one and return what that did.

    With `caller` and `key`, a second call returns what the first did; a door that has claimed
    its request's key gives neither. Raises WalletNotFound, PayeeNotFound, SelfTransfer,
    CurrencyMismatch, NoteMalformed, MoveInvalid, AccountFrozen, CeilingExceeded, NoCover with
    the wallet's balance, and idempotency's KeyReused and InFlight. A refusal writes nothing.
    """
    words = (note or "").strip()
    rules.check_note(words)
    if amount.minor <= 0:
        raise MoveInvalid("Give an amount above 0.")
    asked = rules.fingerprint(
        from_wallet=from_wallet, to_wallet=to_wallet, amount=amount, note=words
    )
    with _once(conn, caller=caller, key=key, fingerprint=asked, now=now) as outcome:
        if outcome.known is not None:
            return outcome.known
        payer = queries.get(conn, wallet_id=from_wallet, owner=owner)
        payee = queries.payee(conn, wallet_id=to_wallet)
        rules.check_sides(payer, payee, amount)
        deed = Deed(
            id=ids.new(),
            kind=_KIND,
            actor=actor,
            request_id=request_id,
            occurred_at=now,
            moves=(Move(payer.available_id, payee.available_id, amount, _KIND),),
            note=words,
        )
        posted = _post(conn, deed, payer)
        outcome.known = _transferred(posted, payer, amount)
        return outcome.known


def _post(conn: Connection, deed: Deed, payer: Wallet) -> Posted:
    """Do the deed; raise NoCover with what the payer's own wallet has."""
    try:
        return ledger.post(conn, deed)
    except InsufficientFunds as refusal:
        # The refusal keeps the lock, so that this is the balance it was decided by.
        held = queries.get(conn, wallet_id=payer.id, owner=payer.owner)
        raise NoCover(held.available) from refusal


def _transferred(posted: Posted, payer: Wallet, amount: Money) -> Transferred:
    [moved] = posted.transfers
    return Transferred(
        id=moved.id,
        posting_id=moved.posting_id,
        amount=amount,
        from_wallet=payer.id,
        balance=Money(moved.debit_balance, amount.currency),
        version=moved.debit_version,
        created_at=posted.created_at,
    )


@dataclass
class _Known:
    """What the key stands for, once that is known."""

    known: Transferred | None = None


@contextmanager
def _once(
    conn: Connection, *, caller: str | None, key: str | None, fingerprint: bytes, now: datetime
) -> Iterator[_Known]:
    """Claim the key where there is one; keep what becomes known, and give it back on a refusal."""
    if caller is None or key is None:
        yield _Known()
        return
    earlier = idempotency.claim(conn, caller=caller, key=key, fingerprint=fingerprint, now=now)
    if earlier is not None:
        yield _Known(_read(earlier.response))
        return
    result = _Known()
    try:
        yield result
    except TallystickError:
        idempotency.forget(conn, caller=caller, key=key)
        raise
    assert result.known is not None
    outcome = Outcome(200, _written(result.known))
    idempotency.store(conn, caller=caller, key=key, outcome=outcome)


def _written(done: Transferred) -> bytes:
    fields = {
        "id": str(done.id),
        "posting": str(done.posting_id),
        "from": str(done.from_wallet),
        "amount": done.amount.minor,
        "currency": done.amount.currency.code,
        "balance": done.balance.minor,
        "version": done.version,
        "created_at": done.created_at.isoformat(),
    }
    return json.dumps(fields).encode()


def _read(raw: bytes) -> Transferred:
    fields = json.loads(raw)
    currency = Currency(fields["currency"])
    return Transferred(
        id=UUID(fields["id"]),
        posting_id=UUID(fields["posting"]),
        amount=Money(fields["amount"], currency),
        from_wallet=UUID(fields["from"]),
        balance=Money(fields["balance"], currency),
        version=fields["version"],
        created_at=datetime.fromisoformat(fields["created_at"]),
    )
