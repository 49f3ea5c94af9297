"""Reads our books about one provider. It writes nothing and locks nothing."""

from __future__ import annotations

from typing import Final

from tallystick import chart, db
from tallystick.comparison.model import Booking, Books, Kind, Posted
from tallystick.db import Connection, Statements
from tallystick.money import Currency, Money

__all__ = ["books"]

_STATEMENTS: Final = Statements(__package__)
#: A path is the same in every currency.
_ANY: Final = Currency("KES")


def books(conn: Connection, *, provider: str) -> Books:
    """Return what the books say of a provider; in a snapshot all of it is of one moment."""
    clearing = chart.clearing(provider, _ANY).path
    paths = {"clearing_path": clearing, "fees_path": chart.loss("fees", _ANY).path}
    bookings = db.rows(conn, _STATEMENTS["bookings"], {"provider": provider})
    postings = db.rows(conn, _STATEMENTS["postings"], paths)
    held = db.rows(conn, _STATEMENTS["held"], {"clearing_path": clearing})
    return Books(
        bookings=[
            Booking(Kind(kind), reference, word, payment, Money(amount, Currency(code)), posting)
            for kind, reference, word, payment, amount, code, posting in bookings
        ],
        postings=[Posted(*row) for row in postings],
        held=dict(held),
    )
