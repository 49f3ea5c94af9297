"""The Writer's batches: what arrives while one is in flight forms the next, and no more."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest

from factories.ledger import deed, move, paying
from factories.races import together, watched
from tallystick import ids
from tallystick.idempotency import Claim, KeyReused, Outcome
from tallystick.ledger import (
    AccountBusy,
    InsufficientFunds,
    Once,
    Posted,
    Refused,
    Replayed,
    WriterClosed,
    WriterFull,
)

KEPT = Outcome(201, b"done")
NOT_NOW = Outcome(409, b"refused")


def under(key: str, done, *, fingerprint: bytes = bytes(32)):
    """Return the deed under a key of one caller's; refusals are kept as well."""
    claim = Claim("key:1", key, fingerprint)
    return replace(done, once=Once(claim, answer))


def answer(outcome) -> Outcome:
    return KEPT if isinstance(outcome, Posted) else NOT_NOW


class TestSubmit:
    def test_gathers_while_a_batch_is_in_flight(self, desk):
        payer, payee, other = desk.accounts(1000, 0, 10)
        holder = desk.hold(other)
        writer = desk.writer()
        first = writer.submit(paying(other, payee))
        time.sleep(0.1)
        rest = [writer.submit(paying(payer, payee)) for _ in range(300)]
        outcomes = [promise.result(5) for promise in rest]
        assert all(isinstance(outcome, Posted) for outcome in outcomes)
        assert desk.heard.batches[0] == 300
        holder.rollback()
        assert isinstance(first.result(5), Posted)
        assert desk.balances(payer, payee) == [700, 301]

    def test_never_makes_a_batch_of_more_than_1024(self, desk):
        payer, payee, other = desk.accounts(3000, 0, 10)
        writer = desk.writer()
        desk.occupy(writer, other, payee)
        rest = [writer.submit(paying(payer, payee)) for _ in range(2500)]
        assert all(isinstance(promise.result(10), Posted) for promise in rest)
        assert max(desk.heard.batches) == 1024
        desk.stack.close()
        assert desk.balances(payer) == [500]

    def test_lets_a_deed_that_comes_alone_go_alone(self, desk):
        payer, payee = desk.accounts(10, 0)
        writer = desk.writer()
        for _ in range(3):
            assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert desk.heard.batches == [1, 1, 1]

    def test_keeps_the_order_in_which_deeds_came(self, desk):
        payer, middle, payee = desk.accounts(1, 0, 0)
        writer = desk.writer()
        ways = [(payer, middle), (middle, payee), (payer, payee)] * 30
        promises = [writer.submit(paying(*way)) for way in ways]
        outcomes = [promise.result(5) for promise in promises]
        assert [isinstance(outcome, Posted) for outcome in outcomes] == [True, True] + [False] * 88

    def test_refuses_more_than_may_wait(self, desk):
        payer, payee, other = desk.accounts(10, 0, 10)
        desk.hold(other)
        writer = desk.writer(queue_max=3)
        waiting = [writer.submit(paying(other, payee))]
        time.sleep(0.1)
        waiting += [writer.submit(paying(payer, payee)) for _ in range(3)]
        with pytest.raises(WriterFull):
            writer.submit(paying(payer, payee))
        assert desk.heard.troubles["queue_full"] == 1
        assert all(isinstance(promise.result(5), Posted) for promise in waiting[1:])
        assert desk.balances(payer) == [7]

    def test_counts_the_slow_lane_among_those_that_wait(self, desk):
        payee, other = desk.accounts(0, 10)
        holder = desk.hold(other)
        writer = desk.writer(queue_max=3)
        waiting = [writer.submit(paying(other, payee)) for _ in range(3)]
        until = time.monotonic() + 5
        while not desk.heard.slow and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(WriterFull):
            writer.submit(paying(other, payee))
        holder.rollback()
        assert all(isinstance(promise.result(5), Posted) for promise in waiting)

    def test_refuses_all_once_it_is_closed(self, desk):
        payer, payee = desk.accounts(10, 0)
        writer = desk.writer()
        waiting = [writer.submit(paying(payer, payee)) for _ in range(5)]
        writer.close()
        assert all(isinstance(promise.result(0), Posted) for promise in waiting)
        with pytest.raises(WriterClosed):
            writer.submit(paying(payer, payee))

    def test_drops_what_its_caller_took_back_in_time(self, desk):
        payer, payee, other = desk.accounts(10, 0, 10)
        writer = desk.writer()
        desk.occupy(writer, other, payee)
        promise = writer.submit(paying(payer, payee))
        assert promise.cancel()
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert desk.balances(payer) == [9]


class TestExecute:
    def test_tells_each_of_a_batch_its_own_outcome(self, desk):
        payer, payee = desk.accounts(25, 0)
        writer = desk.writer()
        with watched(desk.database):
            outcomes = together(64, lambda _: writer.execute(paying(payer, payee)))
        posted = [outcome for outcome in outcomes if isinstance(outcome, Posted)]
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert (len(posted), len(refused)) == (25, 39)
        assert {type(outcome.error) for outcome in refused} == {InsufficientFunds}
        assert sorted(one.transfers[0].debit_version for one in posted) == list(range(2, 27))
        assert sum(desk.heard.batches) == 64
        assert desk.heard.refused == 39
        assert len(desk.heard.waits) == len(desk.heard.batches)
        assert desk.balances(payer, payee) == [0, 25]

    def test_gives_up_what_never_was_begun(self, desk):
        payer, payee, other = desk.accounts(10, 0, 10)
        holder = desk.hold(other)
        writer = desk.writer(deadline_s=0.1)
        writer.submit(paying(other, payee))
        time.sleep(0.05)
        with pytest.raises(AccountBusy):
            writer.execute(paying(payer, payee))
        holder.rollback()
        desk.stack.close()
        assert desk.balances(payer) == [10]

    def test_of_opposed_deeds_by_two_writers_shows_no_deadlock(self, desk):
        accounts = desk.accounts(*[1000] * 6)
        writers = [desk.writer(), desk.writer()]
        until = time.monotonic() + 2

        def swap(number: int) -> int:
            done = 0
            while time.monotonic() < until:
                pair = [accounts[(number + done) % 6], accounts[(number + done + 1 + done % 5) % 6]]
                if number % 2:
                    pair.reverse()
                outcome = writers[number % 2].execute(deed(move(*pair, 1 + done % 7)))
                done += isinstance(outcome, Posted)
            return done

        with watched(desk.database):
            assert min(together(16, swap)) > 0
        assert sum(desk.balances(*accounts)) == 6000


class TestKeys:
    def test_of_one_key_64_times_at_once_by_two_writers_has_one_effect(self, desk):
        payer, payee = desk.accounts(100, 0)
        writers = [desk.writer(), desk.writer()]

        def pay(number: int):
            return writers[number % 2].execute(under("k", paying(payer, payee, 10)))

        outcomes = together(64, pay)
        assert sum(isinstance(outcome, Posted) for outcome in outcomes) == 1
        replayed = [outcome for outcome in outcomes if isinstance(outcome, Replayed)]
        assert [outcome.answer for outcome in replayed] == [KEPT] * 63
        assert (sum(desk.heard.batches), desk.heard.replayed) == (64, 63)
        assert desk.balances(payer, payee) == [90, 10]

    def test_lets_the_first_of_a_batch_decide_and_refuses_another_request(self, desk):
        payer, payee, other = desk.accounts(10, 0, 10)
        writer = desk.writer()
        desk.occupy(writer, other, payee)
        asked = [
            under("a", paying(payer, payee)),
            under("b", paying(payer, payee, 99)),
            under("a", paying(payer, payee)),
            under("a", paying(payer, payee, 2), fingerprint=b"\1" * 32),
            under("b", paying(payer, payee, 99)),
        ]
        promises = [writer.submit(one) for one in asked]
        posted, refused, replayed, reused, refused_again = [one.result(5) for one in promises]
        assert desk.heard.batches[0] == 5
        assert isinstance(posted, Posted)
        assert isinstance(refused.error, InsufficientFunds)
        assert (replayed.answer, refused_again.answer) == (KEPT, NOT_NOW)
        assert isinstance(reused.error, KeyReused)
        assert desk.balances(payer, payee) == [9, 1]

    def test_replays_a_kept_refusal_when_there_is_money_again(self, desk):
        payer, payee = desk.accounts(0, 10)
        writer = desk.writer()
        assert isinstance(writer.execute(under("k", paying(payer, payee))), Refused)
        assert isinstance(writer.execute(paying(payee, payer, 5)), Posted)
        assert writer.execute(under("k", paying(payer, payee))).answer == NOT_NOW
        assert desk.balances(payer, payee) == [5, 5]

    def test_gives_the_key_of_an_unkept_refusal_back(self, desk):
        payer, payee = desk.accounts(0, 10)
        writer = desk.writer()
        once = Once(
            Claim("c", "k", bytes(32)), lambda one: KEPT if isinstance(one, Posted) else None
        )
        ask = lambda: writer.execute(replace(paying(payer, payee), once=once))  # noqa: E731
        assert isinstance(ask(), Refused)
        assert desk.database.scalar("SELECT count(*) FROM tallystick.idempotency") == 0
        writer.execute(paying(payee, payer, 5))
        assert isinstance(ask(), Posted)
        assert isinstance(ask(), Replayed)

    def test_waits_for_a_key_that_somebody_else_keeps_and_delays_nobody(self, desk):
        payer, payee = desk.accounts(100, 0)
        writer = desk.writer()
        with desk.database.connect() as other:
            other.execute(
                "INSERT INTO tallystick.idempotency (caller, key, fingerprint, created_at)"
                " VALUES ('key:1', 'kept', %s, now())",
                (bytes(32),),
            )
            kept = writer.submit(under("kept", paying(payer, payee)))
            others = [writer.submit(under(str(ids.new()), paying(payer, payee))) for _ in range(63)]
            assert all(isinstance(one.result(2), Posted) for one in others)
            assert not kept.done()
            other.rollback()
            assert isinstance(kept.result(5), Posted)
        assert desk.balances(payer, payee) == [36, 64]

    def test_refuses_after_two_seconds_where_the_key_stays_kept(self, desk):
        payer, payee = desk.accounts(100, 0)
        writer = desk.writer()
        with desk.database.connect() as other:
            other.execute(
                "INSERT INTO tallystick.idempotency (caller, key, fingerprint, created_at)"
                " VALUES ('key:1', 'kept', %s, now())",
                (bytes(32),),
            )
            since = time.monotonic()
            outcome = writer.execute(under("kept", paying(payer, payee)))
            assert outcome.error.code == "idempotency_in_flight"
            assert 1.9 < time.monotonic() - since < 4
            other.rollback()
        assert desk.balances(payer, payee) == [100, 0]


class TestClose:
    def test_waits_for_what_is_in_flight(self, desk):
        payer, payee = desk.accounts(10, 0)
        holder = desk.hold(payer)
        writer = desk.writer()
        promise = writer.submit(paying(payer, payee))
        threading.Timer(0.6, holder.rollback).start()
        time.sleep(0.1)
        writer.close()
        assert isinstance(promise.result(0), Posted)
