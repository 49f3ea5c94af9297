"""What tests of the heart's rooms share: a wallet, money in it, a provider that is not called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest

from tallystick import chart, db, ids, ledger, wallets
from tallystick.ledger import Deed, Move
from tallystick.money import Currency, Money
from tallystick.providers.stripe import Stripe
from tallystick.wallets import Wallet

KES = Currency("KES")
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Books:
    """A short hand for the ledger, in one open transaction."""

    conn: psycopg.Connection
    people: list[str] = field(default_factory=list)

    def wallet(self, *, minor: int = 0) -> Wallet:
        """Open a new person's wallet with so much in it."""
        owner = f"person:{ids.new()}"
        wallet = wallets.open_wallet(self.conn, owner=owner, currency=KES, now=NOW)
        if minor:
            [outside] = ledger.open_accounts(self.conn, [chart.clearing("test", KES)])
            self.move(outside, wallet.available_id, minor)
        return wallets.get(self.conn, wallet_id=wallet.id, owner=owner)

    def deed(self, *moves: Move, **other: object) -> Deed:
        """Make a deed of moves."""
        fields = {"kind": "test", "actor": "test", "request_id": "", "occurred_at": NOW}
        return Deed(id=ids.new(), moves=moves, **{**fields, **other})  # type: ignore[arg-type]

    def move(self, debit, credit, minor: int):
        """Move money and return what was posted."""
        move = Move(debit, credit, Money(minor, KES), "test")
        [posted] = ledger.execute(self.conn, [self.deed(move)])
        return posted

    def balance(self, account_id) -> int:
        """Return an account's balance in minor units."""
        return ledger.account(self.conn, account_id=account_id).balance


@pytest.fixture
def books(conn) -> Books:
    return Books(conn)


@pytest.fixture
def books_on() -> type[Books]:
    """Make books on a connection of the test's own."""
    return Books


@pytest.fixture
def stripe() -> Stripe:
    """Stripe as a provider whose network is never reached."""
    return Stripe(
        secret_key="sk_test_unit",
        webhook_secret="whsec_unit",
        api_url="http://127.0.0.1:9",
        public_url="http://127.0.0.1:8123",
    )


@pytest.fixture
def pool_of() -> Callable[[str], db.Pool]:
    """Make pools that are closed when the test ends."""
    pools: list[db.Pool] = []

    def make(url: str, size_max: int = 8) -> db.Pool:
        pools.append(db.Pool(url, size_max=size_max, timeout_s=5, application_name="test"))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()
