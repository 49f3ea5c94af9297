"""The drain: many events at once, each handled once; what goes wrong delays nobody else."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from factories import inbox
from factories.inbox import Recording
from tallystick import webhooks
from tallystick.db import DatabaseUnavailable
from tallystick.webhooks import Handled, rules, store

STATES = "SELECT external_id, state, attempts, error, is_begun FROM tallystick.webhook_event"
#: A drain whose handler dies with its whole process, as one that is out of memory does.
DYING = """
import os, signal, sys
from tallystick import db, webhooks
class Deadly:
    def handle(self, conn, events):
        if any(event.external_id == "evt_deadly" for event in events):
            os.kill(os.getpid(), signal.SIGKILL)
        return ["processed"] * len(events)
class Dull(Deadly):
    def handle(self, conn, events):
        return [webhooks.Handled(how) for how in super().handle(conn, events)]
pool = db.Pool(sys.argv[1], size_max=2, timeout_s=5, application_name="dying")
while webhooks.drain(pool=pool, handlers={"stripe": Dull()}):
    pass
"""


@pytest.fixture
def pool(database, pool_of):
    return pool_of(database.application_url)


def rows(pool) -> dict[str, tuple]:
    with pool.transaction() as conn:
        return {name: rest for name, *rest in conn.execute(STATES).fetchall()}


def states(pool) -> dict[str, str]:
    return {name: state for name, (state, *_) in rows(pool).items()}


def make_due(pool) -> None:
    with pool.transaction() as conn:
        conn.execute("UPDATE tallystick.webhook_event SET due_at = now() WHERE state = 'received'")


class TestDrain:
    def test_hands_many_events_over_at_once_in_their_order(self, pool):
        handler = Recording()
        names = [f"evt_{number}" for number in range(7)]
        inbox.receive(pool, *names)
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 7
        assert handler.batches == [names]
        assert all(event.id and event.received_at for event in handler.events)
        assert set(states(pool).values()) == {"processed"}
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 0

    def test_takes_so_many_at_most(self, pool):
        handler = Recording()
        most = rules.EVENTS_MAX
        with pool.transaction() as conn:
            store.keep(conn, [inbox.delivery(f"evt_{number}") for number in range(most + 5)])
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == most
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 5
        assert [len(batch) for batch in handler.batches] == [most, 5]

    def test_gives_each_provider_its_own(self, pool):
        first, second = Recording(), Recording(poison=["evt_2"])
        inbox.receive(pool, "evt_1")
        inbox.receive(pool, "evt_2", provider="other")
        inbox.receive(pool, "evt_3")
        webhooks.drain(pool=pool, handlers={"stripe": first, "other": second})
        assert (first.batches, second.batches) == ([["evt_1", "evt_3"]], [["evt_2"]])
        assert states(pool) == {"evt_1": "processed", "evt_2": "received", "evt_3": "processed"}

    def test_keeps_what_the_handler_returns_as_not_yet(self, pool):
        handler = Recording(refused=["evt_2"])
        inbox.receive(pool, "evt_1", "evt_2", "evt_3")
        webhooks.drain(pool=pool, handlers={"stripe": handler})
        found = rows(pool)
        assert found["evt_2"] == ["received", 1, "LookupError: not yet", False]
        assert (found["evt_1"][0], found["evt_3"][0]) == ("processed", "processed")
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 0, "it waits"
        make_due(pool)
        inbox.receive(pool, "evt_4")
        again = Recording()
        webhooks.drain(pool=pool, handlers={"stripe": again})
        assert again.batches == [["evt_2", "evt_4"]], "it goes with others"

    def test_finds_the_poison_by_halves_and_has_it_alone_from_then_on(self, pool):
        names = [f"evt_{number:02}" for number in range(16)]
        inbox.receive(pool, *names)
        handler = Recording(poison=["evt_11"])
        webhooks.drain(pool=pool, handlers={"stripe": handler})
        assert sorted(handler.handled) == [name for name in names if name != "evt_11"]
        assert len(handler.batches) == 9, "each half once: 1 and 2 · log2(16)"
        assert rows(pool)["evt_11"] == ["received", 1, "RuntimeError: the sky fell", True]
        make_due(pool)
        inbox.receive(pool, "evt_next")
        again = Recording(poison=["evt_11"])
        webhooks.drain(pool=pool, handlers={"stripe": again})
        assert again.batches == [["evt_next"], ["evt_11"]]

    def test_undoes_all_of_a_batch_that_broke(self, pool):
        class Half:
            def handle(self, conn, events):
                conn.execute("UPDATE tallystick.webhook_cursor SET polled_at = now()")
                conn.execute(
                    "INSERT INTO tallystick.webhook_cursor (provider, read_until, polled_at)"
                    " SELECT %s, now(), now()",
                    (events[0].external_id,),
                )
                raise RuntimeError("in the middle")

        inbox.receive(pool, "evt_1", "evt_2")
        webhooks.drain(pool=pool, handlers={"stripe": Half()})
        with pool.transaction() as conn:
            assert conn.execute("SELECT count(*) FROM tallystick.webhook_cursor").fetchone() == (0,)

    @pytest.mark.parametrize("results", [[], [Handled.PROCESSED] * 3])
    def test_believes_no_handler_that_answers_for_more_or_fewer(self, pool, results):
        class Wrong:
            def handle(self, _conn, _events):
                return results

        inbox.receive(pool, "evt_1", "evt_2")
        webhooks.drain(pool=pool, handlers={"stripe": Wrong()})
        assert set(states(pool).values()) == {"received"}

    def test_keeps_an_error_that_postgresql_cannot(self, pool):
        class Ugly:
            def handle(self, _conn, _events):
                raise ValueError("a NUL \0 and half a pair \ud800" + "x" * 1000)

        inbox.receive(pool, "evt_1")
        webhooks.drain(pool=pool, handlers={"stripe": Ugly()})
        error = rows(pool)["evt_1"][2]
        assert error.startswith("ValueError: a NUL  and half a pair ?xxx")
        assert len(error) <= 500

    def test_leaves_alone_what_another_drain_has_in_hand(self, pool):
        begun, may_end = threading.Event(), threading.Event()

        class Slow(Recording):
            def handle(self, conn, events):
                begun.set()
                assert may_end.wait(10)
                return super().handle(conn, events)

        inbox.receive(pool, "evt_1", "evt_2")
        slow, other = Slow(), Recording()
        with ThreadPoolExecutor(1) as threads:
            running = threads.submit(webhooks.drain, pool=pool, handlers={"stripe": slow})
            assert begun.wait(10)
            make_due_by_force(pool)
            inbox.receive(pool, "evt_3")
            webhooks.drain(pool=pool, handlers={"stripe": other})
            may_end.set()
            assert running.result(10) == 2
        assert (slow.handled, other.handled) == (["evt_1", "evt_2"], ["evt_3"])

    def test_loses_nothing_to_a_lost_database(self, pool, cluster, pool_of):
        inbox.receive(pool, "evt_1")
        away = pool_of("postgresql://nobody@127.0.0.1:9/nothing")
        with pytest.raises(DatabaseUnavailable):
            webhooks.drain(pool=away, handlers={})
        assert states(pool) == {"evt_1": "received"}


def make_due_by_force(pool) -> None:
    """Make due what is not locked; what is locked would be, if its lease had run out."""
    with pool.transaction() as conn:
        conn.execute(
            "UPDATE tallystick.webhook_event SET due_at = now() WHERE id IN (SELECT id FROM"
            " tallystick.webhook_event WHERE state = 'received' FOR UPDATE SKIP LOCKED)"
        )


class TestDeath:
    def die(self, database) -> int:
        done = subprocess.run(
            [sys.executable, "-c", DYING, database.application_url],
            capture_output=True,
            check=False,
        )
        return done.returncode

    def test_loses_nothing_and_has_what_died_alone(self, database, pool):
        inbox.receive(pool, "evt_1", "evt_deadly", "evt_2")
        assert self.die(database) == -signal.SIGKILL
        assert set(states(pool).values()) == {"received"}
        assert webhooks.drain(pool=pool, handlers={}) == 0, "their lease has not run out"
        make_due(pool)
        assert self.die(database) == -signal.SIGKILL
        assert states(pool) == {
            "evt_1": "processed",
            "evt_deadly": "received",
            "evt_2": "received",
        }, "alone, in their order: the deadly one costs nobody else"
        make_due(pool)
        handler = Recording()
        webhooks.drain(pool=pool, handlers={"stripe": handler})
        assert sorted(handler.batches) == [["evt_2"], ["evt_deadly"]]

    @pytest.mark.full
    def test_again_and_again_costs_those_behind_it_nothing(self, database, pool):
        inbox.receive(pool, "evt_1", "evt_deadly", "evt_2", "evt_3")
        deaths = 0
        for _ in range(rules.ATTEMPTS_MAX + 2):
            make_due(pool)
            deaths += self.die(database) == -signal.SIGKILL
        assert deaths == rules.ATTEMPTS_MAX
        found = rows(pool)
        assert {name: row[0] for name, row in found.items()} == {
            "evt_1": "processed",
            "evt_deadly": "failed",
            "evt_2": "processed",
            "evt_3": "processed",
        }
        assert (found["evt_deadly"][1], found["evt_3"][1]) == (rules.ATTEMPTS_MAX, 2)

    def test_of_every_attempt_is_given_up(self, database, pool):
        inbox.receive(pool, "evt_deadly")
        with pool.transaction() as conn:
            conn.execute(
                "UPDATE tallystick.webhook_event SET attempts = %s, is_begun = TRUE",
                (rules.ATTEMPTS_MAX - 1,),
            )
        assert self.die(database) == -signal.SIGKILL
        make_due(pool)
        inbox.receive(pool, "evt_good")
        assert self.die(database) == 0
        found = rows(pool)
        assert found["evt_deadly"][:2] == ["failed", rules.ATTEMPTS_MAX]
        assert "died" in found["evt_deadly"][2]
        assert found["evt_good"][0] == "processed"
