"""One suite for every way in: what commits, what rolls back, what is refused, and how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from factories.ledger import KES, deed, move, post
from factories.payments import payment
from factories.wallets import wallet
from tallystick import db, ids, ledger, wallets, webhooks
from tallystick.db import TransactionRequired
from tallystick.ledger import InsufficientFunds
from tallystick.money import Money
from tallystick.payments import KeyReused
from tallystick.webhooks import Event, Handled, store

NOWHERE = "?options=-csearch_path%3Dnowhere"


class Undo(Exception):
    """The team's own reason to roll back."""


@pytest.fixture
def pair(team):
    """Give a wallet with 100 in it and an empty one, committed."""

    def open_both(conn):
        return wallet(conn, minor=100, owner=team.name), wallet(conn)

    return team.transaction(open_both)


def available(team, one):
    """Return what a wallet holds once all is committed."""

    def read(conn):
        return wallets.get(conn, wallet_id=one.id, owner=one.owner).available.minor

    return team.transaction(read)


class TestCommit:
    def test_keeps_the_deed_with_the_teams_own_row(self, team, pair):
        full, empty = pair

        def buy(conn):
            team.order(conn)
            post(conn, full.available_id, empty.available_id, 30)

        team.transaction(buy)
        assert (available(team, full), available(team, empty), team.orders) == (70, 30, 1)
        assert team.transaction(ledger.verify) == []

    def test_shows_the_deed_inside_the_transaction_already(self, team, pair):
        full, empty = pair

        def buy(conn):
            post(conn, full.available_id, empty.available_id, 30)
            [entry] = wallets.entries(conn, wallet=empty)
            return entry

        entry = team.transaction(buy)
        assert (entry.amount, entry.balance, entry.version) == (Money(30, KES), Money(30, KES), 1)


class TestRollback:
    def test_leaves_neither_deed_nor_row(self, team, pair):
        full, empty = pair
        before = team.rows

        def buy(conn):
            team.order(conn)
            post(conn, full.available_id, empty.available_id, 30)
            wallet(conn, owner=f"{team.name}:new")
            raise Undo

        with pytest.raises(Undo):
            team.transaction(buy)
        assert (available(team, full), team.orders, team.rows) == (100, 0, before)


class TestRefusal:
    def test_writes_nothing_and_leaves_the_transaction_usable(self, team, pair):
        full, empty = pair

        def buy(conn):
            with pytest.raises(InsufficientFunds):
                post(conn, full.available_id, empty.available_id, 101)
            team.order(conn)
            post(conn, full.available_id, empty.available_id, 100)

        postings = team.scalar("SELECT count(*) FROM tallystick.posting")
        team.transaction(buy)
        assert (available(team, full), available(team, empty), team.orders) == (0, 100, 1)
        assert team.scalar("SELECT count(*) FROM tallystick.posting") == postings + 1

    def test_of_one_deed_stops_no_other_in_the_call(self, team, pair):
        full, empty = pair
        good = deed(move(full.available_id, empty.available_id, 60))
        bad = deed(move(full.available_id, empty.available_id, 41))

        first, second = team.transaction(lambda conn: ledger.execute(conn, [good, bad]))
        assert isinstance(first, ledger.Posted)
        assert isinstance(second, ledger.Refused)
        assert isinstance(second.error, InsufficientFunds)
        assert available(team, full) == 40


class TestTransactionRequired:
    @pytest.fixture(params=["execute", "open_wallet", "create"])
    def write(self, request, team, pair):
        """Give each verb that writes more than one row."""
        full, empty = pair
        verbs = {
            "execute": lambda conn: post(conn, full.available_id, empty.available_id, 1),
            "open_wallet": lambda conn: wallet(conn, owner=f"{team.name}:new"),
            "create": lambda conn: payment(conn, full, key=str(ids.new())),
        }
        return verbs[request.param]

    def test_in_autocommit_and_nothing_is_written(self, team, write):
        before = team.rows

        def loose(conn):
            with pytest.raises(TransactionRequired, match="autocommit"):
                write(conn)
            assert db.now(conn)

        team.autocommit(loose)
        assert team.rows == before

    @pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
    def test_under_another_isolation_and_the_transaction_stays_usable(self, team, write, isolation):
        before = team.rows

        def strict(conn):
            with pytest.raises(TransactionRequired, match="READ COMMITTED"):
                write(conn)
            team.order(conn)

        team.transaction(strict, isolation=isolation)
        assert (team.rows, team.orders) == (before, 1)


class TestPayment:
    def test_is_replayed_by_its_key_and_sent_once(self, team, pair):
        full, _ = pair
        jobs = team.scalar("SELECT count(*) FROM public.procrastinate_jobs")
        key = str(ids.new())
        first = team.transaction(lambda conn: payment(conn, full, key=key))
        again = team.transaction(lambda conn: payment(conn, full, key=key))
        assert first == again
        assert len(first.fingerprint) == 32
        assert team.scalar("SELECT count(*) FROM public.procrastinate_jobs") == jobs + 1

    def test_refuses_its_key_for_another_request(self, team, pair):
        full, _ = pair
        key = str(ids.new())

        def twice(conn):
            payment(conn, full, key=key)
            with pytest.raises(KeyReused):
                payment(conn, full, key=key, minor=200_000)
            team.order(conn)

        team.transaction(twice)
        assert team.orders == 1


class TestTypes:
    def test_are_ours_whatever_the_driver_reads(self, team, pair):
        full, _ = pair

        def read(conn):
            [entry] = wallets.entries(conn, wallet=full)
            return wallets.get(conn, wallet_id=full.id, owner=full.owner), entry, db.now(conn)

        seen, entry, now = team.transaction(read)
        assert seen == full
        assert {type(one) for one in (seen.id, seen.held_id, entry.transfer_id)} == {UUID}
        moments = (seen.created_at, entry.created_at, now)
        assert all(moment.utcoffset() is not None for moment in moments)
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)

    def test_keep_every_byte_of_an_event(self, team):
        body = bytes(range(256))

        def keep(conn):
            now = db.now(conn)
            webhooks.receive(
                conn, provider="test", event=Event(team.name, "test", now, body), now=now
            )
            return store.claim(conn)

        provider, event = team.transaction(keep)
        assert (provider, event.external_id, event.body) == ("test", team.name, body)
        team.transaction(lambda conn: store.finish(conn, event.id, Handled.IGNORED))


class TestSearchPath:
    def test_is_never_relied_upon(self, team, pair):
        full, empty = pair

        def buy(conn):
            post(conn, full.available_id, empty.available_id, 30)
            wallet(conn, minor=5)
            assert ledger.verify(conn) == []
            return payment(conn, full, key=str(ids.new()))

        assert team.transaction(buy, options=NOWHERE).owner == team.name
        assert available(team, empty) == 30
