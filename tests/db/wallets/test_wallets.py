"""Wallets: one an owner and currency, seen by their owner alone."""

from __future__ import annotations

import psycopg
import pytest

from factories.wallets import wallet
from tallystick import db, wallets
from tallystick.db import TransactionRequired
from tallystick.money import Currency, Money
from tallystick.wallets import OwnerMalformed, WalletNotFound

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

    @pytest.mark.parametrize("owner", ["", " ", "a" * 201, "a\x00b", "a\nb", " a", "a "])
    def test_refuses_what_names_no_owner(self, conn, owner):
        with pytest.raises(OwnerMalformed):
            wallets.open_wallet(conn, owner=owner, currency=KES, now=db.now(conn))

    @pytest.mark.parametrize("owner", ["a", "a" * 200, "person:17", "Wanjikũ ya Kamau"])
    def test_takes_what_a_team_calls_its_owners(self, conn, owner):
        assert wallets.open_wallet(conn, owner=owner, currency=KES, now=db.now(conn)).owner == owner

    def test_writes_nothing_outside_a_transaction(self, database):
        with psycopg.connect(database.application_url, autocommit=True) as loose:
            with pytest.raises(TransactionRequired):
                wallets.open_wallet(loose, owner="person:x", currency=KES, now=db.now(loose))
            assert loose.execute("SELECT count(*) FROM tallystick.account").fetchone() == (0,)


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
