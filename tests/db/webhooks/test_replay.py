"""Events are looked at, replayed, and blanked in time; and the hot statements have their index."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from factories import inbox
from factories.inbox import Recording
from tallystick import db, webhooks
from tallystick.webhooks import (
    EventBlanked,
    EventNotFound,
    EventNotReplayable,
    EventState,
    Way,
    store,
)


@pytest.fixture
def pool(database, pool_of):
    return pool_of(database.application_url)


def leave(pool, external_id: str, state: str) -> None:
    """Bring a received event into a state, as drains leave it."""
    with pool.transaction() as conn:
        conn.execute(
            "UPDATE tallystick.webhook_event SET state = %(state)s, error = 'it broke',"
            " attempts = 12, is_begun = TRUE, processed_at = CASE WHEN %(state)s IN"
            " ('processed', 'ignored') THEN now() END WHERE external_id = %(name)s",
            {"state": state, "name": external_id},
        )


def listed(pool, **asked):
    with pool.transaction() as conn:
        return webhooks.events(conn, **asked)


def names(found) -> list[str]:
    return [event.external_id for event in found]


class TestEvents:
    def test_are_listed_newest_first_in_pages(self, pool):
        inbox.receive(pool, *(f"evt_{number}" for number in range(5)))
        first = listed(pool, limit=2)
        assert names(first) == ["evt_4", "evt_3"]
        rest = listed(pool, before=first[-1].id)
        assert names(rest) == ["evt_2", "evt_1", "evt_0"]
        assert (first[0].state, first[0].way) == (EventState.RECEIVED, Way.DELIVERED)
        assert (first[0].kind, first[0].occurred_at) == ("test.happened", inbox.OCCURRED_AT)

    def test_are_sifted(self, pool):
        inbox.receive(pool, "evt_1", "evt_2")
        inbox.receive(pool, "evt_3", provider="other")
        leave(pool, "evt_2", "failed")
        assert names(listed(pool, state=EventState.FAILED)) == ["evt_2"]
        assert names(listed(pool, provider="other")) == ["evt_3"]
        assert listed(pool, provider="other", state=EventState.FAILED) == []

    def test_are_two_hundred_at_most(self, pool):
        with pool.transaction() as conn:
            store.keep(conn, [inbox.delivery(f"evt_{number}") for number in range(205)])
        assert len(listed(pool, limit=1_000)) == 200


class TestReplay:
    @pytest.mark.parametrize("state", ["failed", "ignored"])
    def test_has_it_processed_again_from_the_beginning(self, pool, database, state):
        inbox.receive(pool, "evt_1")
        leave(pool, "evt_1", state)
        [event] = listed(pool)
        with psycopg.connect(database.application_url, autocommit=True) as ear:
            ear.execute(f"LISTEN {webhooks.CHANNEL}")
            with pool.transaction() as conn:
                webhooks.replay(conn, event_id=event.id)
            assert len(list(ear.notifies(timeout=5, stop_after=1))) == 1
        [again] = listed(pool)
        assert (again.state, again.attempts, again.processed_at) == ("received", 0, None)
        handler = Recording()
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 1
        assert handler.handled == ["evt_1"]
        assert listed(pool)[0].error is None

    @pytest.mark.parametrize("state", ["received", "processed"])
    def test_refuses_what_waits_or_is_booked(self, pool, state):
        inbox.receive(pool, "evt_1")
        leave(pool, "evt_1", state)
        [event] = listed(pool)
        with pytest.raises(EventNotReplayable, match=state) as refused, pool.transaction() as conn:
            webhooks.replay(conn, event_id=event.id)
        assert (refused.value.event_id, refused.value.state) == (event.id, state)

    def test_refuses_what_is_not_there(self, pool):
        with pytest.raises(EventNotFound), pool.transaction() as conn:
            webhooks.replay(conn, event_id=uuid4())

    def test_of_a_span_takes_the_failed_ones_alone(self, pool):
        inbox.receive(pool, "evt_old", "evt_ok", "evt_1", "evt_2")
        inbox.receive(pool, "evt_3", provider="other")
        for name in ("evt_old", "evt_1", "evt_2", "evt_3"):
            leave(pool, name, "failed")
        leave(pool, "evt_ok", "processed")
        with pool.transaction() as conn:
            now = db.now(conn)
            span = {"since": now - timedelta(hours=1), "until": now}
            assert webhooks.count_failed(conn, **span) == 4
            assert webhooks.count_failed(conn, **span, provider="other") == 1
            assert webhooks.count_failed(conn, since=now, until=now + timedelta(hours=1)) == 0
            assert webhooks.replay_failed(conn, **span, provider="stripe") == 3
            assert webhooks.count_failed(conn, **span) == 1
        assert names(listed(pool, state=EventState.FAILED)) == ["evt_3"]
        assert names(listed(pool, state=EventState.PROCESSED)) == ["evt_ok"]


class TestBlank:
    def age(self, pool, days: int) -> None:
        """Let so much time pass."""
        with pool.transaction() as conn:
            db.advance(conn, seconds=days * 86_400, environment="test")

    def bodies(self, pool) -> dict[str, tuple]:
        statement = (
            "SELECT external_id, body, body_sha256 = sha256('the body'), blanked_at IS NOT NULL"
            " FROM tallystick.webhook_event"
        )
        with pool.transaction() as conn:
            return {name: tuple(rest) for name, *rest in conn.execute(statement).fetchall()}

    def keep(self, pool, *external_ids: str) -> None:
        with pool.transaction() as conn:
            store.keep(conn, [inbox.delivery(name, b"the body") for name in external_ids])

    def test_empties_old_bodies_and_keeps_their_hash(self, pool):
        self.keep(pool, "evt_old", "evt_failed", "evt_waits")
        leave(pool, "evt_old", "processed")
        leave(pool, "evt_failed", "failed")
        webhooks.blank(pool=pool)
        whole, blanked = (b"the body", True, False), (b"", True, True)
        assert set(self.bodies(pool).values()) == {whole}
        self.age(pool, 179)
        self.keep(pool, "evt_young")
        leave(pool, "evt_young", "processed")
        webhooks.blank(pool=pool)
        assert set(self.bodies(pool).values()) == {whole}
        self.age(pool, 2)
        webhooks.blank(pool=pool)
        assert self.bodies(pool) == {
            "evt_old": blanked,
            "evt_failed": blanked,
            "evt_waits": whole,
            "evt_young": whole,
        }

    def test_leaves_nothing_to_replay(self, pool):
        self.keep(pool, "evt_1")
        leave(pool, "evt_1", "failed")
        self.age(pool, 181)
        webhooks.blank(pool=pool)
        [event] = listed(pool)
        with pytest.raises(EventBlanked), pool.transaction() as conn:
            webhooks.replay(conn, event_id=event.id)
        with pool.transaction() as conn:
            now = db.now(conn)
            span = {"since": now - timedelta(days=400), "until": now}
            assert webhooks.count_failed(conn, **span) == 0
            assert webhooks.replay_failed(conn, **span) == 0

    def test_goes_on_until_none_is_left(self, pool):
        with pool.transaction() as conn:
            store.keep(conn, [inbox.delivery(f"evt_{number}", b"x") for number in range(1_100)])
            conn.execute(
                "UPDATE tallystick.webhook_event SET state = 'processed', processed_at = now()"
            )
        self.age(pool, 181)
        webhooks.blank(pool=pool)
        assert {body for body, *_ in self.bodies(pool).values()} == {b""}

    def test_is_the_only_way_to_a_body(self, pool):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            pool.transaction() as conn,
        ):
            conn.execute("UPDATE tallystick.webhook_event SET blanked_at = now()")


class TestPlans:
    """A large inbox, of which little waits, failed, or was polled."""

    @pytest.fixture
    def large(self, database):
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute(
                "INSERT INTO tallystick.webhook_event (id, provider, external_id, kind, body,"
                " body_sha256, state, occurred_at, received_at, due_at, processed_at, source)"
                " SELECT gen_random_uuid(), 'stripe', 'evt_' || n, 'x', '', sha256(''),"
                " CASE WHEN n % 1000 = 0 THEN 'received' WHEN n % 1000 = 1 THEN 'failed'"
                " ELSE 'processed' END, now(), now(), now(),"
                " CASE WHEN n % 1000 > 1 THEN now() END,"
                " CASE WHEN n % 1000 = 2 THEN 'polled' ELSE 'delivered' END"
                " FROM generate_series(1, 20000) AS n"
            )
            owner.execute("VACUUM ANALYZE tallystick.webhook_event")
            yield owner

    @pytest.mark.parametrize(
        ("name", "values", "index"),
        [
            (
                "take",
                {"events_max": 200, "attempts_max": 12, "lease_s": 3},
                "events_to_process",
            ),
            ("oldest_due", {}, "events_to_process"),
            ("gaps", {"provider": None, "events_max": 50}, "events_that_were_polled"),
            (
                "events",
                {"state": None, "provider": None, "before": uuid4(), "events_max": 50},
                "webhook_event_pkey",
            ),
        ],
    )
    def test_use_their_index(self, large, name, values, index):
        plan = large.execute(f"EXPLAIN {store.STATEMENTS[name]}", values).fetchall()
        text = "\n".join(line for (line,) in plan)
        assert index in text, text
        assert "Seq Scan" not in text, text
        if index == "events_to_process":
            assert "Index Cond: (due_at <=" in text, text
            assert "Sort" not in text, text
