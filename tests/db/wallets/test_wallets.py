"""Wallets: one an owner and currency, seen by their owner alone."""

from __future__ import annotations

import pytest

from factories.wallets import wallet
from tallystick import db, wallets
from tallystick.money import Currency, Money
from tallystick.wallets import WalletNotFound

KES, USD = Currency("KES"), Currency("USD")


class TestOpenWallet:
    def test_opens_one_an_owner_and_currency(self, conn):
        now = db.now(conn)
        first = wallets.open_wallet(conn, owner="person:a", currency=KES, now=now)
        again = wallets.open_wallet(conn, owner="person:a", currency=KES, now=now)
        other = wallets.open_wallet(conn, owner="person:a", currency=USD, now=now)
        assert first == again
        assert [one.id for one in wallets.of_owner(conn, owner="person:a")] == [
            first.id,
            other.id,
        ]

    def test_starts_empty(self, conn):
        opened = wallets.open_wallet(conn, owner="person:b", currency=KES, now=db.now(conn))
        assert (opened.available, opened.held, opened.version) == (Money(0, KES), Money(0, KES), 0)


class TestGet:
    def test_does_not_show_another_owners_wallet(self, conn):
        mine = wallet(conn)
        with pytest.raises(WalletNotFound):
            wallets.get(conn, wallet_id=mine.id, owner="person:other")


class TestEntries:
    def test_show_what_may_be_spent_newest_first(self, conn):
        mine = wallet(conn, minor=70)
        [entry] = wallets.entries(conn, wallet=mine)
        assert (entry.amount, entry.balance, entry.version) == (Money(70, KES), Money(70, KES), 1)
