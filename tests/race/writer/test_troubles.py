"""What befalls the Writer: a lost COMMIT, a silence, a slow locker, a deadlock, a poison deed."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import replace

import psycopg
import pytest

from factories.ledger import deed, move, paying
from tallystick import ids, ledger
from tallystick.db import DatabaseUnavailable
from tallystick.idempotency import Claim, Outcome
from tallystick.ledger import AccountBusy, Once, OutcomeUnknown, Posted, Refused, Replayed
from tallystick.ledger.writer.session import Session
from tallystick.testing import Way

KEPT = Outcome(201, b"done")


def once(key: str, done):
    return replace(done, once=Once(Claim("c", key, bytes(32)), lambda _: KEPT))


class TestLostAtCommit:
    @pytest.mark.parametrize("is_delivered", [False, True], ids=["before", "after"])
    def test_asks_what_became_of_it_and_does_it_once(self, desk, is_delivered):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        line.cut_at(b"COMMIT", is_delivered=is_delivered)
        outcomes = [writer.submit(paying(payer, payee, 10)) for _ in range(3)]
        assert all(isinstance(one.result(5), Posted) for one in outcomes)
        assert desk.heard.troubles["outcome_asked"] == 1
        assert desk.heard.troubles["connection_lost"] == (0 if is_delivered else 1)
        assert (desk.postings(), desk.balances(payer, payee)) == (4, [69, 31])

    @pytest.mark.parametrize("is_delivered", [False, True], ids=["before", "after"])
    def test_time_and_again_loses_and_doubles_nothing(self, desk, is_delivered):
        payer, payee = desk.accounts(1000, 0)
        line = desk.line()
        writer = desk.writer(line=line)
        for number in range(10):
            line.cut_at(b"COMMIT", is_delivered=is_delivered)
            outcome = writer.execute(once(f"k{number}", paying(payer, payee)))
            assert isinstance(outcome, Posted)
        assert desk.heard.troubles["outcome_asked"] == 10
        assert (desk.postings(), desk.balances(payer, payee)) == (10, [990, 10])

    @pytest.mark.full
    def test_ends_the_session_that_does_not_know_of_it(self, desk):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line, deadline_s=1.0)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        promises = []
        gone = threading.Event()

        def lose_the_way_there() -> None:
            # The server never hears COMMIT, and never learns that its client is gone.
            line.blackhole(Way.TO_SERVER)
            gone.set()

        holder = desk.hold(payer)
        promises.append(writer.submit(once("k", paying(payer, payee, 10))))
        time.sleep(0.1)
        lose_the_way_there()
        holder.rollback()
        [promise] = promises
        assert gone.is_set()
        trouble = promise.exception(10)
        assert isinstance(trouble, AccountBusy | OutcomeUnknown | DatabaseUnavailable)
        line.heal()
        outcome = desk.writer().execute(once("k", paying(payer, payee, 10)))
        assert isinstance(outcome, Posted | Replayed)
        assert desk.balances(payer, payee) == [89, 11]

    def test_says_that_it_does_not_know_where_nobody_can_be_asked(self, desk):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line, deadline_s=1.0)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        line.cut_at(b"COMMIT", is_delivered=True)
        line.refuse()
        with pytest.raises(OutcomeUnknown):
            writer.execute(once("k", paying(payer, payee, 10)))
        assert desk.heard.troubles["outcome_unknown"] == 1
        line.heal()
        assert isinstance(writer.execute(once("k", paying(payer, payee, 10))), Replayed)
        assert desk.balances(payer, payee) == [89, 11]

    @pytest.mark.parametrize("is_kept", [True, False], ids=["kept", "undone"])
    def test_learns_of_a_transaction_that_still_runs_by_ending_its_session(self, desk, is_kept):
        payer, payee = desk.accounts(10, 0)
        left = desk.stack.enter_context(psycopg.connect(desk.database.application_url))
        outcomes = ledger.execute(left, [paying(payer, payee)])
        xid = left.execute("SELECT pg_current_xact_id()::text").fetchone()[0]
        if is_kept:
            left.commit()
        asked = (outcomes, xid, left.info.backend_pid, time.monotonic() + 5)
        assert session(desk)._was_committed(*asked) is is_kept
        if not is_kept:
            with pytest.raises(psycopg.OperationalError):
                left.execute("SELECT 1")
        assert isinstance(desk.writer().execute(paying(payer, payee)), Posted)

    @pytest.mark.parametrize("others", ["reused", "to come"])
    def test_believes_no_number_that_a_crash_let_be_given_out_again(self, desk, others):
        """What was never flushed is gone, and another's commit may bear its number."""
        payer, payee = desk.accounts(10, 0)
        with desk.database.connect() as conn:
            lost = ledger.execute(conn, [paying(payer, payee)])
            conn.rollback()
        with desk.database.connect() as conn:
            [xid] = conn.execute("SELECT pg_current_xact_id()::text").fetchone()
        if others == "to come":
            xid = str(int(xid) + 1_000_000)
        asked = (lost, xid, 999_999, time.monotonic() + 5)
        assert session(desk)._was_committed(*asked) is False
        assert desk.balances(payer, payee) == [10, 0]


def session(desk) -> Session:
    return Session(
        desk.database.application_url, timeout_s=2, silence_s=5, name="test", gauges=desk.heard
    )


class TestSilence:
    def test_before_the_commit_is_told_apart_and_nothing_is_left_locked(self, desk):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line, deadline_s=1.0)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        line.blackhole(Way.TO_CLIENT)
        since = time.monotonic()
        with pytest.raises((AccountBusy, DatabaseUnavailable, OutcomeUnknown)):
            writer.execute(once("k", paying(payer, payee, 10)))
        assert time.monotonic() - since < 3
        line.heal()
        until = time.monotonic() + 8
        outcome = None
        while time.monotonic() < until and not isinstance(outcome, Posted | Replayed):
            try:
                outcome = writer.execute(once("k", paying(payer, payee, 10)))
            except (AccountBusy, DatabaseUnavailable, OutcomeUnknown):
                time.sleep(0.1)
        assert isinstance(outcome, Posted | Replayed)
        assert desk.balances(payer, payee) == [89, 11]

    def test_of_a_database_that_is_away_is_told_to_all_at_once(self, desk):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line)
        line.refuse()
        since = time.monotonic()
        promises = [writer.submit(paying(payer, payee)) for _ in range(50)]
        assert {type(one.exception(5)) for one in promises} == {DatabaseUnavailable}
        assert time.monotonic() - since < 2
        line.heal()
        assert isinstance(writer.execute(paying(payer, payee)), Posted)

    def test_of_a_connection_that_broke_while_nobody_looked_costs_nothing(self, desk):
        payer, payee = desk.accounts(100, 0)
        line = desk.line()
        writer = desk.writer(line=line)
        for _ in range(3):
            assert isinstance(writer.execute(paying(payer, payee)), Posted)
            line.cut()
        assert desk.heard.troubles["connection_lost"] == 2
        assert desk.balances(payer, payee) == [97, 3]


class TestPooler:
    def test_that_changes_connections_costs_one_try(self, desk):
        payer, payee = desk.accounts(100, 0)
        writer = desk.writer()
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        # As a pooler does that hands out another server's connection, unseen by the client.
        writer._session._conn.pgconn.exec_(b"DEALLOCATE ALL")
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert desk.heard.troubles["connection_lost"] == 1
        assert writer._session._conn.prepare_threshold is None
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert (desk.postings(), desk.balances(payer)) == (3, [97])


class TestSlowLocker:
    def test_delays_nobody_else(self, desk):
        payer, payee, held = desk.accounts(1000, 0, 100)
        holder = desk.hold(held)
        writer = desk.writer()
        slow = writer.submit(paying(held, payee))
        waits = []
        for _ in range(100):
            since = time.monotonic()
            assert isinstance(writer.execute(paying(payer, payee)), Posted)
            waits.append(time.monotonic() - since)
        # One batch waits for the lock, once; the account is known for held from then on.
        assert sum(wait > 0.2 for wait in waits) <= 1
        more = [writer.submit(paying(held, payee)) for _ in range(10)]
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert not any(one.done() for one in (slow, *more))
        holder.rollback()
        assert all(isinstance(one.result(5), Posted) for one in (slow, *more))
        assert desk.heard.slow[-1] == 0
        assert desk.balances(payer, held) == [899, 89]

    def test_of_one_account_does_not_delay_those_of_another(self, desk):
        first, second, payee = desk.accounts(10, 10, 0)
        writer = desk.writer()
        long, short = desk.hold(first), desk.hold(second)
        waiting = [writer.submit(paying(first, payee)), writer.submit(paying(second, payee))]
        time.sleep(0.6)
        short.rollback()
        assert isinstance(waiting[1].result(1.5), Posted)
        assert not waiting[0].done()
        long.rollback()
        assert isinstance(waiting[0].result(2), Posted)

    def test_who_never_ends_is_told_at_the_deadline(self, desk):
        held, payee = desk.accounts(10, 0)
        holder = desk.hold(held)
        writer = desk.writer(deadline_s=1.0)
        since = time.monotonic()
        with pytest.raises(AccountBusy):
            writer.execute(paying(held, payee))
        assert 0.9 < time.monotonic() - since < 2.1
        assert writer._slow.waiting == 0
        holder.rollback()
        assert isinstance(writer.execute(paying(held, payee)), Posted)
        assert desk.balances(held) == [9]

    def test_of_many_accounts_leaves_a_free_one_its_turn(self, desk):
        *held, free, payee = desk.accounts(*[10] * 12, 0)
        writer = desk.writer()
        for account in held:
            desk.hold(account)
        short = desk.hold(free)
        waiting = [writer.submit(paying(account, payee)) for account in (*held, free)]
        time.sleep(0.8)
        short.rollback()
        since = time.monotonic()
        assert isinstance(waiting[-1].result(5), Posted)
        assert time.monotonic() - since < 1.5
        assert not any(one.done() for one in waiting[:-1])

    def test_of_two_accounts_is_waited_for_by_who_closes(self, desk):
        first, second, payee = desk.accounts(10, 10, 0)
        writer = desk.writer()
        one, other = desk.hold(first), desk.hold(second)
        both = writer.submit(deed(move(first, payee, 1), move(second, payee, 1)))
        time.sleep(0.5)
        closing = threading.Thread(target=writer.close)
        closing.start()
        one.rollback()
        time.sleep(0.7)
        other.rollback()
        closing.join(10)
        assert not closing.is_alive()
        assert isinstance(both.result(0), Posted)
        assert writer._slow.waiting == 0

    def test_of_two_accounts_of_one_deed_lets_it_end(self, desk):
        first, second, payee = desk.accounts(10, 10, 0)
        writer = desk.writer()
        one, other = desk.hold(first), desk.hold(second)
        both = writer.submit(deed(move(first, payee, 1), move(second, payee, 1)))
        time.sleep(0.5)
        one.rollback()
        time.sleep(0.7)
        assert not both.done()
        other.rollback()
        assert isinstance(both.result(3), Posted)


class TestDeadlock:
    @pytest.mark.parametrize("code", ["40P01", "40001"])
    @pytest.mark.parametrize("times", [1, 5])
    def test_is_tried_again_then_in_halves_and_shown_to_nobody(self, desk, code, times):
        payer, payee, other = desk.accounts(1000, 0, 10)
        clash_at_first(desk.database.owner_url, code, times)
        writer = desk.writer()
        holder = desk.occupy(writer, other, payee)
        promises = [writer.submit(paying(payer, payee)) for _ in range(20)]
        assert all(isinstance(one.result(5), Posted) for one in promises)
        assert desk.heard.troubles["deadlock"] == times
        assert (desk.heard.troubles["split"] > 0) == (times > 4)
        assert (desk.postings(), desk.balances(payer)) == (20, [980])
        holder.rollback()

    def test_of_one_deed_time_and_again_is_told_as_busy(self, desk):
        payer, payee = desk.accounts(1000, 0)
        clash_at_first(desk.database.owner_url, "40P01", 4)
        writer = desk.writer()
        with pytest.raises(AccountBusy):
            writer.execute(paying(payer, payee))
        assert desk.heard.troubles["poison"] == 0
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert desk.balances(payer) == [999]

    def test_with_foreign_sql_is_stepped_out_of(self, desk):
        low, high = sorted(desk.accounts(1000, 1000))
        writer = desk.writer()
        assert isinstance(writer.execute(paying(low, high)), Posted)
        other = desk.hold(high)
        promises = [writer.submit(paying(low, high)) for _ in range(20)]
        time.sleep(0.05)
        # Against the house's order: the batch has `low` and waits for `high`.
        other.execute("SELECT 1 FROM tallystick.account WHERE id = %s FOR NO KEY UPDATE", (low,))
        other.rollback()
        assert all(isinstance(one.result(5), Posted) for one in promises)
        assert desk.balances(low, high) == [979, 1021]


def clash_at_first(owner_url: str, code: str, times: int) -> None:
    """Have the server refuse so many batches, as it does where two wait for each other."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            f"""
            CREATE SEQUENCE public.clash;
            GRANT USAGE ON SEQUENCE public.clash TO tallystick_application;
            CREATE FUNCTION public.clash() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('public.clash') <= {times} THEN
                    RAISE EXCEPTION 'two wait for each other' USING ERRCODE = '{code}';
                END IF;
                RETURN NULL;
            END
            $$;
            CREATE TRIGGER clash BEFORE INSERT ON tallystick.posting
            FOR EACH STATEMENT EXECUTE FUNCTION public.clash();
            """
        )


class TestMistakes:
    def test_of_a_deed_that_makes_no_sense_end_with_it(self, desk):
        payer, payee, other = desk.accounts(10, 0, 10)
        writer = desk.writer()
        holder = desk.occupy(writer, other, payee)
        time.sleep(0.5)
        bad = writer.submit(replace(paying(payer, payee), moves=(None,)))
        assert isinstance(bad.exception(5), AttributeError)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        holder.rollback()

    @pytest.mark.parametrize("mistake", [SystemExit, KeyboardInterrupt, RuntimeError])
    def test_in_an_answer_end_with_its_deed(self, desk, mistake):
        payer, payee = desk.accounts(10, 0)
        writer = desk.writer()

        def answer(_):
            raise mistake

        bad = Once(Claim("c", "k", bytes(32)), answer)
        promise = writer.submit(replace(paying(payer, payee), once=bad))
        assert isinstance(promise.exception(5), mistake)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)
        assert desk.balances(payer) == [9]

    def test_in_a_callback_harm_nobody(self, desk):
        payer, payee = desk.accounts(10, 0)
        writer = desk.writer()

        def raise_(_):
            raise asyncio.CancelledError

        holder = desk.hold(payer)
        promise = writer.submit(paying(payer, payee))
        promise.add_done_callback(raise_)
        holder.rollback()
        assert isinstance(promise.result(5), Posted)
        assert isinstance(writer.execute(paying(payer, payee)), Posted)


class TestPoison:
    def test_ends_alone_and_harms_no_other(self, desk):
        payer, payee, other = desk.accounts(1000, 0, 10)
        writer = desk.writer()
        known = paying(payer, payee)
        assert isinstance(writer.execute(known), Posted)
        holder = desk.occupy(writer, other, payee)
        # The identity of a posting that stands: the whole batch fails at the table's key.
        again = replace(paying(payer, payee), id=known.id)
        asked = [paying(payer, payee) for _ in range(40)]
        asked[17:17] = [again]
        promises = [writer.submit(one) for one in asked]
        ends = [one.exception(5) for one in promises]
        assert isinstance(ends.pop(17), psycopg.errors.UniqueViolation)
        assert ends == [None] * 40
        assert desk.heard.troubles["poison"] == 1
        holder.rollback()
        assert desk.balances(payer) == [959]

    def test_of_a_part_that_fails_leaves_nothing(self, desk):
        payer, payee = desk.accounts(1000, 0)
        writer = desk.writer()

        class Broken:
            rank = 1
            keys = ()

            def lock(self, conn, keys):
                return {}

            def decide(self, rows, now):
                return None

            def write(self, conn, rows, done):
                raise ZeroDivisionError

        bad = replace(paying(payer, payee), parts=(Broken(),))
        promises = [writer.submit(paying(payer, payee)), writer.submit(bad)]
        assert isinstance(promises[0].result(5), Posted)
        with pytest.raises(ZeroDivisionError):
            promises[1].result(5)
        assert desk.balances(payer) == [999]

    def test_of_a_deed_that_no_books_could_make_right_is_a_plain_refusal(self, desk):
        payer, payee = desk.accounts(1000, 0)
        outcome = desk.writer().execute(paying(payer, payer))
        assert isinstance(outcome, Refused)
        assert desk.writer().execute(replace(paying(payer, payee), id=ids.new()))
