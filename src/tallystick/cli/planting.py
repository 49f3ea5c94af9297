"""Books the demo's movements, and keeps the payments that they came by with what became of them.

It writes inside the caller's transaction and never commits: an interrupted seed leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick import chart, db, ids, ledger, wallets
from tallystick.database import seeds
from tallystick.database.seeds import Aftermath, Movement, Undone
from tallystick.db import Connection
from tallystick.ledger import Deed, Move, Refused
from tallystick.money import Money
from tallystick.wallets import Wallet

__all__ = ["plant"]

#: Deeds that the executor gets at once.
_BATCH: Final = 250
#: Who brings in the demo's money: none that a real provider would have to account for.
_PROVIDER: Final = "demo"
_FEE: Final = 1_500


def plant(
    conn: Connection,
    movements: Sequence[Movement],
    *,
    now: datetime,
    advance: Callable[[int], object],
) -> None:
    """Open the wallets, do the movements in their order, and keep the payments behind them.

    `now` is the database's. `advance` is told how many movements are done.
    """
    ground = _Ground.made(conn, movements)
    deeds = [ground.deed(one) for one in movements]
    for begin in range(0, len(deeds), _BATCH):
        batch = deeds[begin : begin + _BATCH]
        _execute(conn, batch)
        advance(len(batch))
    booked = [
        (one, deed.id) for one, deed in zip(movements, deeds, strict=True) if one.payer is None
    ]
    undone = [
        ground.undo(conn, aftermath, posting_id, now=now)
        for aftermath, (_, posting_id) in zip(
            seeds.AFTERMATHS, booked[-len(seeds.AFTERMATHS) :], strict=True
        )
    ]
    tales = seeds.of_movements(booked, now=now)
    wallet_of = {person: wallet.id for person, wallet in ground.wallets.items()}
    seeds.keep(conn, seeds.rows(tales, undone, wallet_of=wallet_of))


def _execute(conn: Connection, deeds: Sequence[Deed]) -> None:
    for outcome in ledger.execute(conn, deeds):
        if isinstance(outcome, Refused):
            raise outcome.error


@dataclass(frozen=True, slots=True)
class _Ground:
    """The accounts between which the demo's money moves."""

    wallets: dict[UUID, Wallet]
    outside: UUID
    fees: UUID

    @classmethod
    def made(cls, conn: Connection, movements: Sequence[Movement]) -> _Ground:
        """Open everybody's wallet, the outside, and where fees are lost."""
        currency = movements[0].amount.currency
        now = db.now(conn)
        outside, fees = ledger.open_accounts(
            conn, [chart.clearing(_PROVIDER, currency), chart.loss("fees", currency)]
        )
        opened = {
            one.id: wallets.open_wallet(conn, owner=one.owner, currency=currency, now=now)
            for one in seeds.CAST.values()
        }
        return cls(opened, outside, fees)

    def deed(self, movement: Movement) -> Deed:
        """Return the deed of a movement."""
        payer, to = movement.payer, self.wallets[movement.payee.id].available_id
        kind = "transfer" if payer else "top_up"
        debit = self.wallets[payer.id].available_id if payer else self.outside
        actor = payer.owner if payer else f"provider:{_PROVIDER}"
        moves = (Move(debit, to, movement.amount, kind),)
        return _deed(kind, actor, movement.at, moves, note=movement.note)

    def undo(
        self, conn: Connection, aftermath: Aftermath, brought_by: UUID, *, now: datetime
    ) -> Undone:
        """Book what happened to a top-up afterwards, and return it with its postings."""
        wallet = self.wallets[seeds.CAST[aftermath.handle].id]
        amount = Money(aftermath.returned * 10**wallet.currency.exponent, wallet.currency)
        at = now - timedelta(minutes=aftermath.ago)
        ended_at = at + timedelta(seconds=2)
        hold = _deed(
            "refund_hold",
            seeds.OPERATOR.owner,
            at,
            (Move(wallet.available_id, wallet.held_id, amount, "refund_hold"),),
        )
        outside, provider = self.outside, f"provider:{_PROVIDER}"
        match aftermath.what:
            case "settled":
                move = Move(wallet.held_id, outside, amount, "refund")
                deeds = [hold, _deed("refund", provider, ended_at, (move,))]
            case "failed":
                move = Move(wallet.held_id, wallet.available_id, amount, "refund_release")
                deeds = [hold, _deed("refund_release", provider, ended_at, (move,))]
            case "dispute":
                fee = Money(_FEE, wallet.currency)
                moves = (
                    Move(wallet.available_id, outside, amount, "dispute"),
                    Move(self.fees, outside, fee, "dispute_fee"),
                )
                deeds = [_deed("dispute", provider, at, moves)]
            case _:
                deeds = [hold]
        for deed in deeds:
            _execute(conn, [deed])
        begun_by, ended_by = deeds[0].id, deeds[1].id if deeds[1:] else None
        return Undone(aftermath, brought_by, begun_by, ended_by, at)


def _deed(kind: str, actor: str, at: datetime, moves: tuple[Move, ...], *, note: str = "") -> Deed:
    return Deed(
        id=ids.new(),
        kind=kind,
        actor=actor,
        request_id="seed",
        occurred_at=at,
        moves=moves,
        note=note,
    )
