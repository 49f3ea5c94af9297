"""Moving money between two wallets: what is intended as a deed, and how its end is read.

One deed through the ledger's executor: it decides under the lock. Nothing here commits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tallystick import idempotency, ids, ledger
from tallystick.db import Connection
from tallystick.idempotency import Claim
from tallystick.ledger import (
    Account,
    Deed,
    InsufficientFunds,
    LedgerError,
    Move,
    MoveInvalid,
    Once,
    Outcome,
    Posted,
    Refused,
    Replayed,
)
from tallystick.money import Currency, Money
from tallystick.wallets import queries, rules
from tallystick.wallets.errors import NoCover, PayeeUnavailable
from tallystick.wallets.model import Transferred, Wallet

__all__ = ["Intent", "intend", "transfer"]

_KIND = "transfer"
_DONE = 200


@dataclass(frozen=True, slots=True)
class Intent:
    """A transfer that somebody intends: its deed, and the payer who may know how it ends."""

    deed: Deed
    payer: Wallet
    payee: UUID
    amount: Money

    def read(self, outcome: Outcome) -> Transferred:
        """Return what the deed did, or an earlier one of the same key.

        Raises what it was refused with: NoCover with the payer's balance under the lock,
        PayeeUnavailable, MoveInvalid, AccountFrozen, and idempotency's KeyReused and InFlight.
        """
        match outcome:
            case Posted():
                return _transferred(outcome, self.payer, self.amount)
            case Replayed():
                return _read(outcome.answer.response)
            case Refused(error=InsufficientFunds(account=Account() as account) as refusal):
                raise NoCover(Money(account.balance, self.amount.currency)) from refusal
            case Refused(error=LedgerError(account=Account() as account) as refusal) if (
                account.id != self.payer.available_id
            ):
                # How it is with another's wallet is not told.
                raise PayeeUnavailable(self.payee) from refusal
            case Refused(error=refusal):
                raise refusal

    def find(self, conn: Connection) -> Transferred | None:
        """Return what the key of this intent stands for already; None where it is free.

        A hint that locks nothing. Raises KeyReused.
        """
        assert self.deed.once is not None, "only a key stands for something"
        kept = idempotency.find(conn, self.deed.once.claim)
        return None if kept is None else _read(kept.response)

    def once(self, *, caller: str, key: str) -> Intent:
        """Return the same intent under a key: a second one with it reads what the first did.

        What happened is kept, and no refusal: the key of a refused transfer is free again.
        """
        asked = rules.fingerprint(
            from_wallet=self.payer.id,
            to_wallet=self.payee,
            amount=self.amount,
            note=self.deed.note,
        )
        once = Once(Claim(caller, key, asked), self._answer)
        return replace(self, deed=replace(self.deed, once=once))

    def _answer(self, outcome: Posted | Refused) -> idempotency.Outcome | None:
        if isinstance(outcome, Refused):
            return None
        return idempotency.Outcome(_DONE, _written(self.read(outcome)))


def intend(
    conn: Connection,
    *,
    actor: str,
    owner: str,
    from_wallet: UUID,
    to_wallet: UUID,
    amount: Money,
    request_id: str,
    now: datetime,
    note: str | None = None,
) -> Intent:
    """Return the transfer that is intended; it writes and locks nothing.

    Raises PayerNotFound, PayeeNotFound, SelfTransfer, CurrencyMismatch, NoteMalformed and
    MoveInvalid: what no balance could make right.
    """
    words = rules.readable_note(note)
    if amount.minor <= 0:
        raise MoveInvalid("Give an amount above 0.")
    payer = queries.payer(conn, wallet_id=from_wallet, owner=owner)
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
    return Intent(deed, payer, payee.id, amount)


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

    With `caller` and `key`, a second call returns what the first did. Raises what `intend` and
    `Intent.read` say, TransactionRequired, KeyMalformed, and TypeError for half of caller and key.
    A refusal writes nothing, and its key is free again.
    """
    if (caller is None) is not (key is None):
        raise TypeError("Give caller and key together: half of them lets the money move twice.")
    intent = intend(
        conn,
        actor=actor,
        owner=owner,
        from_wallet=from_wallet,
        to_wallet=to_wallet,
        amount=amount,
        request_id=request_id,
        now=now,
        note=note,
    )
    if caller is not None and key is not None:
        intent = intent.once(caller=caller, key=key)
    [outcome] = ledger.execute(conn, [intent.deed])
    return intent.read(outcome)


def _transferred(posted: Posted, payer: Wallet, amount: Money) -> Transferred:
    # What the payee may owe is paid back by a second one.
    moved = posted.transfers[0]
    return Transferred(
        id=moved.id,
        posting_id=moved.posting_id,
        amount=amount,
        from_wallet=payer.id,
        balance=Money(moved.debit_balance, amount.currency),
        version=moved.debit_version,
        created_at=posted.created_at,
    )


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
