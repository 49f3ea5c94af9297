"""The inbox: only what is signed is kept, once; what goes wrong is tried again, up to a cap."""

from __future__ import annotations

import psycopg
import pytest

from factories import inbox, payments
from tallystick import db, webhooks
from tallystick.webhooks import EventMalformed, Handled, SignatureInvalid, rules


def receive(conn, raw: bytes, *, secret: str = payments.SECRET):
    now = db.now(conn)
    header = payments.signature(raw, stamp=int(now.timestamp()), secret=secret)
    event = payments.stripe().read(raw, {"stripe-signature": header}, now)
    return webhooks.receive(conn, provider="stripe", event=event, now=now)


class Failing:
    """A handler that cannot."""

    def handle(self, conn, events):
        conn.execute("CREATE TEMPORARY TABLE half_done (id int)")
        raise RuntimeError("the sky fell")


class Counting:
    """A handler that remembers what it saw."""

    def __init__(self):
        self.seen = []

    def handle(self, conn, events):
        self.seen += events
        return [Handled.PROCESSED] * len(events)


@pytest.fixture
def own(database):
    """A connection to a clone of the test's own: the inbox is counted as a whole."""
    with database.connect() as conn:
        yield conn


class TestReceive:
    def test_keeps_an_event_once(self, own):
        assert receive(own, payments.event()).is_new
        assert not receive(own, payments.event()).is_new
        assert webhooks.count_by_state(own) == {"received": 1}

    def test_keeps_nothing_that_is_forged(self, own):
        with pytest.raises(SignatureInvalid):
            receive(own, payments.event(), secret="whsec_forged")
        assert webhooks.count_by_state(own) == {}

    def test_keeps_nothing_that_is_no_event(self, own):
        with pytest.raises(EventMalformed):
            receive(own, b"[1, 2]")
        assert webhooks.count_by_state(own) == {}


class TestDrain:
    def test_processes_each_event_once(self, database, pool_of):
        pool, handler = pool_of(database.application_url), Counting()
        with pool.transaction() as conn:
            for number in range(3):
                receive(conn, payments.event(f"evt_{number}"))
        while webhooks.drain(pool=pool, handlers={"stripe": handler}):
            pass
        assert sorted(event.external_id for event in handler.seen) == ["evt_0", "evt_1", "evt_2"]
        assert all(event.body == payments.event(event.external_id) for event in handler.seen)
        with pool.transaction() as conn:
            assert webhooks.count_by_state(conn) == {"processed": 3}

    def test_keeps_an_event_whose_handler_failed(self, database, pool_of):
        pool = pool_of(database.application_url)
        with pool.transaction() as conn:
            receive(conn, payments.event())
        assert webhooks.drain(pool=pool, handlers={"stripe": Failing()}) == 1
        assert webhooks.drain(pool=pool, handlers={"stripe": Failing()}) == 0, "it waits"
        kept = "SELECT state, attempts, error FROM tallystick.webhook_event"
        with pool.transaction() as conn:
            row = conn.execute(kept).fetchone()
        assert row == ("received", 1, "RuntimeError: the sky fell")

    def test_gives_up_at_the_cap_and_jams_nothing(self, database, pool_of):
        pool, handler = pool_of(database.application_url), Counting()
        with pool.transaction() as conn:
            receive(conn, payments.event("evt_poison"))
        for _ in range(rules.ATTEMPTS_MAX):
            with pool.transaction() as conn:
                conn.execute("UPDATE tallystick.webhook_event SET due_at = now()")
            webhooks.drain(pool=pool, handlers={"stripe": Failing()})
        with pool.transaction() as conn:
            receive(conn, payments.event("evt_good"))
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 1
        with pool.transaction() as conn:
            assert webhooks.count_by_state(conn) == {"failed": 1, "processed": 1}

    def test_ignores_a_provider_without_handler(self, database, pool_of):
        pool = pool_of(database.application_url)
        with pool.transaction() as conn:
            receive(conn, payments.event())
        webhooks.drain(pool=pool, handlers={})
        with pool.transaction() as conn:
            assert webhooks.count_by_state(conn) == {"ignored": 1}


class TestSilent:
    """Events of kinds that say nothing about us."""

    def test_are_kept_and_done_with_at_once(self, database, pool_of):
        pool, handler = pool_of(database.application_url), Counting()
        with pool.transaction() as conn:
            assert receive(conn, payments.event(type="customer.created")).is_new
        with pool.transaction() as conn:
            assert not receive(conn, payments.event(type="customer.created")).is_new
            [kept] = webhooks.events(conn)
        assert (kept.state, kept.attempts, kept.kind) == ("ignored", 0, "customer.created")
        assert kept.processed_at == kept.received_at
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 0
        assert handler.seen == []

    def test_wake_nobody(self, database, own):
        with psycopg.connect(database.application_url, autocommit=True) as ear:
            ear.execute(f"LISTEN {webhooks.CHANNEL}")
            receive(own, payments.event("evt_silent", type="customer.created"))
            own.commit()
            assert list(ear.notifies(timeout=0.3)) == []
            receive(own, payments.event("evt_loud"))
            own.commit()
            assert len(list(ear.notifies(timeout=5, stop_after=1))) == 1

    def test_can_be_replayed_once_we_understand_them(self, database, pool_of):
        pool, handler = pool_of(database.application_url), Counting()
        with pool.transaction() as conn:
            receive(conn, payments.event(type="customer.created"))
            [kept] = webhooks.events(conn)
            webhooks.replay(conn, event_id=kept.id)
        assert webhooks.drain(pool=pool, handlers={"stripe": handler}) == 1
        assert [event.kind for event in handler.seen] == ["customer.created"]


class TestMentions:
    def test_finds_events_by_what_their_bodies_hold_newest_first(self, own):
        for name, body in (("evt_1", b'{"pay_1": 1}'), ("evt_2", b"{}"), ("evt_3", b'["cs_7"]')):
            told = inbox.event(name, body)
            webhooks.receive(own, provider="stripe", event=told, now=db.now(own))
        found = webhooks.mentions(own, texts=["pay_1", "cs_7", "%"])
        assert [one.external_id for one in found] == ["evt_3", "evt_1"]
        assert webhooks.mentions(own, texts=[]) == []

    def test_looks_among_the_newest_alone(self, own):
        for name in ("evt_1", "evt_2"):
            told = inbox.event(name, b"pay_1")
            webhooks.receive(own, provider="stripe", event=told, now=db.now(own))
        found = webhooks.mentions(own, texts=["pay_1"], among=1)
        assert [one.external_id for one in found] == ["evt_2"]
