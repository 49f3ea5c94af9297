"""One suite for every way in: what commits, what rolls back, what is refused, and how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import UUID

import pytest

from factories.keys import issued
from factories.ledger import KES, NOW, deed, move, post
from factories.payments import payment
from factories.wallets import wallet
from tallystick import db, idempotency, ids, ledger, wallets, webhooks
from tallystick.db import TransactionRequired
from tallystick.ledger import AccountPlan, InsufficientFunds
from tallystick.money import Money
from tallystick.payments import KeyReused
from tallystick.wallets import NoCover
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


def send(conn, payer, payee, *, minor=1, key=None):
    """Move money between two wallets by the verb that teams call."""
    return wallets.transfer(
        conn,
        actor=payer.owner,
        owner=payer.owner,
        from_wallet=payer.id,
        to_wallet=payee.id,
        amount=Money(minor, KES),
        caller=None if key is None else payer.owner,
        key=key,
        request_id="",
        now=db.now(conn),
    )


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


class TestTransfer:
    def test_of_one_key_happens_once_and_is_replayed(self, team, pair):
        full, empty = pair
        key = str(ids.new())
        first = team.transaction(lambda conn: send(conn, full, empty, minor=30, key=key))
        again = team.transaction(lambda conn: send(conn, full, empty, minor=30, key=key))
        assert first == again
        assert (available(team, full), available(team, empty)) == (70, 30)

    def test_of_a_used_key_for_another_amount_is_refused(self, team, pair):
        full, empty = pair
        key = str(ids.new())

        def twice(conn):
            send(conn, full, empty, minor=30, key=key)
            with pytest.raises(idempotency.KeyReused):
                send(conn, full, empty, minor=31, key=key)
            team.order(conn)

        team.transaction(twice)
        assert (available(team, full), team.orders) == (70, 1)

    def test_that_is_refused_keeps_nothing_and_frees_its_key(self, team, pair):
        full, empty = pair
        key = str(ids.new())

        def refused(conn):
            with pytest.raises(NoCover) as refusal:
                send(conn, empty, full, minor=30, key=key)
            assert refusal.value.balance == Money(0, KES)
            post(conn, full.available_id, empty.available_id, 50)
            send(conn, empty, full, minor=30, key=key)

        team.transaction(refused)
        assert (available(team, full), available(team, empty)) == (80, 20)

    def test_that_is_rolled_back_frees_its_key(self, team, pair):
        full, empty = pair
        key = str(ids.new())

        def undone(conn):
            send(conn, full, empty, minor=30, key=key)
            raise Undo

        with pytest.raises(Undo):
            team.transaction(undone)
        team.transaction(lambda conn: send(conn, full, empty, minor=30, key=key))
        assert available(team, full) == 70


class TestTransactionRequired:
    VERBS: ClassVar = {
        "execute": lambda conn, full, empty: post(conn, full.available_id, empty.available_id, 1),
        "transfer": send,
        "transfer once": lambda conn, full, empty: send(conn, full, empty, key=str(ids.new())),
        "open_wallet": lambda conn, full, _: wallet(conn, owner=f"{full.owner}:new"),
        "open_accounts": lambda conn, *_: ledger.open_accounts(
            conn, [AccountPlan(f"test/{ids.new()}", KES, floor=0)]
        ),
        "freeze": lambda conn, full, _: ledger.freeze(
            conn, account_id=full.held_id, actor="operator:1", reason="asked"
        ),
        "write_note": lambda conn, *_: ledger.write_note(
            conn, posting_id=ids.new(), kind="message", actor="a", body="hello", now=NOW
        ),
        "erase_notes": lambda conn, *_: ledger.erase_notes(conn, posting_id=ids.new()),
        "issue": lambda conn, *_: issued(conn),
        "create": lambda conn, full, _: payment(conn, full, key=str(ids.new())),
    }

    @pytest.fixture(params=list(VERBS))
    def write(self, request, pair):
        """Give each verb that writes."""
        return lambda conn: self.VERBS[request.param](conn, *pair)

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
            taken = store.take(conn, events_max=100, attempts_max=12, lease_s=1)
            return store.hold(conn, [one.id for one in taken if one.provider == "test"])

        [(event, _)] = team.transaction(keep)
        assert (event.external_id, event.body) == (team.name, body)
        team.transaction(lambda conn: store.finish(conn, {event.id: Handled.IGNORED}))


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
