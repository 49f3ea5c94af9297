"""Accounts, moves and deeds, with sane defaults."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from tallystick import chart, ids, ledger
from tallystick.db import Connection
from tallystick.ledger import Deed, Move, Posted
from tallystick.money import Currency, Money

KES = Currency("KES")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def move(debit: UUID, credit: UUID, minor: int) -> Move:
    """Return an intended movement of so many Kenyan minor units."""
    return Move(debit, credit, Money(minor, KES), "test")


def deed(*moves: Move) -> Deed:
    """Return a deed of these moves, done by the tests."""
    return Deed(ids.new(), "test", "test", "", NOW, moves)


def paying(payer: UUID, payee: UUID, minor: int = 1) -> Deed:
    """Return a deed that moves so much, as a caller hands it to the Writer."""
    return deed(move(payer, payee, minor))


def post(conn: Connection, debit: UUID, credit: UUID, minor: int) -> Posted:
    """Move money and return what was posted."""
    return ledger.post(conn, deed(move(debit, credit, minor)))


def fund(conn: Connection, account_id: UUID, minor: int, *, currency: Currency = KES) -> None:
    """Bring so much into an account from outside."""
    [outside] = ledger.open_accounts(conn, [chart.clearing("test", currency)])
    ledger.post(conn, deed(Move(outside, account_id, Money(minor, currency), "test")))


def balance(conn: Connection, account_id: UUID) -> int:
    """Return an account's balance in minor units."""
    return ledger.account(conn, account_id=account_id).balance
