"""The poller: finds what nobody delivered, and never passes what it has not read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import structlog

from factories import inbox
from tallystick import webhooks
from tallystick.webhooks import Event, SourceAway, Way, poller, store

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Listing:
    """A provider's list: newest first, with a fault where the test wants one."""

    def __init__(self, database=None) -> None:
        self.made: list[Event] = []
        self.asked: list[tuple[datetime, datetime]] = []
        self.breaks_from: datetime | None = None
        self.breaks_after: int | None = None
        self._database = database

    def add(self, external_id: str, age: timedelta, *, is_silent: bool = False) -> None:
        told = inbox.event(external_id)
        self.made.append(replace(told, occurred_at=NOW - age, is_silent=is_silent))

    def events(self, since: datetime, until: datetime) -> Iterator[Event]:
        self.asked.append((since, until))
        if self.breaks_from is not None and until > self.breaks_from:
            raise SourceAway("it is away")
        found = [event for event in self.made if since <= event.occurred_at < until]
        for number, event in enumerate(sorted(found, key=lambda one: one.occurred_at)[::-1]):
            if number == self.breaks_after:
                raise ConnectionError("the line broke")
            if self._database is not None:
                assert open_transactions(self._database) == 0
            yield event


def open_transactions(database) -> int:
    with psycopg.connect(database.application_url, application_name="looker") as conn:
        [(count,)] = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'test' AND state LIKE 'idle in transaction%'"
        ).fetchall()
    return count


@pytest.fixture
def pool(database, pool_of):
    return pool_of(database.application_url)


def look(pool, *, now: datetime = NOW, **sources: Listing) -> None:
    webhooks.poll(pool=pool, sources=sources, outside_now=lambda: now)


def found(pool) -> dict[str, Way]:
    with pool.transaction() as conn:
        return {event.external_id: event.way for event in webhooks.events(conn)}


class TestPoll:
    def test_keeps_what_was_never_delivered_and_nothing_twice(self, pool):
        stripe = Listing()
        for number in range(3):
            stripe.add(f"evt_{number}", 5 * MINUTE)
        inbox.receive(pool, "evt_1")
        for _ in range(2):
            look(pool, stripe=stripe)
        assert found(pool) == {
            "evt_0": Way.POLLED,
            "evt_1": Way.DELIVERED,
            "evt_2": Way.POLLED,
        }
        with pool.transaction() as conn:
            assert {event.external_id for event in webhooks.gaps(conn)} == {"evt_0", "evt_2"}
            assert webhooks.gaps(conn, provider="other") == []

    def test_reads_over_silent_kinds_that_nobody_was_to_deliver(self, pool):
        listing = Listing()
        listing.add("evt_silent", 3 * MINUTE, is_silent=True)
        listing.add("evt_lost", 10 * MINUTE)
        listing.add("evt_silent_too", 20 * MINUTE, is_silent=True)
        look(pool, stripe=listing)
        with pool.transaction() as conn:
            assert [one.external_id for one in webhooks.gaps(conn)] == ["evt_lost"]
            assert [one.external_id for one in webhooks.events(conn)] == ["evt_lost"]
            [(read_until,)] = store.rows(conn, "read_cursor", provider="stripe")
        assert read_until == NOW - 3 * MINUTE, "what was read is not read again"

    def test_leaves_the_youngest_for_their_delivery_and_comes_back_for_them(self, pool):
        stripe = Listing()
        stripe.add("evt_old", 2 * MINUTE)
        stripe.add("evt_young", timedelta(seconds=30))
        look(pool, stripe=stripe)
        assert set(found(pool)) == {"evt_old"}
        look(pool, now=NOW + MINUTE, stripe=stripe)
        assert set(found(pool)) == {"evt_old", "evt_young"}

    def test_begins_again_where_the_list_broke(self, pool):
        stripe = Listing()
        for number in range(250):
            stripe.add(f"evt_{number:03}", timedelta(minutes=2, seconds=number))
        stripe.breaks_after = 150
        with pytest.raises(ConnectionError):
            look(pool, stripe=stripe)
        with pool.transaction() as conn:
            [(read_until,)] = store.rows(conn, "read_cursor", provider="stripe")
            [(kept,)] = conn.execute("SELECT count(*) FROM tallystick.webhook_event").fetchall()
        assert kept == 100, "whole portions alone"
        assert read_until == stripe.asked[-1][0], "whole slices alone"
        stripe.breaks_after = None
        look(pool, stripe=stripe)
        with pool.transaction() as conn:
            [(kept,)] = conn.execute("SELECT count(*) FROM tallystick.webhook_event").fetchall()
        assert kept == 250

    def test_reads_a_long_time_in_slices_without_a_gap_the_oldest_first(self, pool):
        stripe = Listing()
        for hours in range(73):
            stripe.add(f"evt_{hours:02}", timedelta(hours=hours))
        look(pool, stripe=stripe)
        begins, ends = zip(*stripe.asked, strict=True)
        assert begins[1:] == ends[:-1]
        assert (begins[0], ends[-1]) == (NOW - timedelta(days=3, minutes=10), NOW)
        assert max(end - begin for begin, end in stripe.asked) < timedelta(hours=2)
        with pool.transaction() as conn:
            [(kept,)] = conn.execute("SELECT count(*) FROM tallystick.webhook_event").fetchall()
        assert kept == 72, "all but the youngest"

    def test_goes_on_at_the_slice_at_which_a_first_look_ended(self, pool):
        stripe = Listing()
        for hours in range(1, 73):
            stripe.add(f"evt_{hours:02}", timedelta(hours=hours))
        stripe.breaks_from = NOW - timedelta(hours=30)
        look(pool, stripe=stripe)
        reached = stripe.asked.pop()[0]
        assert NOW - timedelta(hours=32) < reached <= stripe.breaks_from
        stripe.breaks_from, stripe.asked = None, []
        look(pool, stripe=stripe)
        assert stripe.asked[0][0] == reached - 10 * MINUTE
        with pool.transaction() as conn:
            [(kept,)] = conn.execute("SELECT count(*) FROM tallystick.webhook_event").fetchall()
        assert kept == 72

    def test_ends_in_good_time_and_the_next_look_goes_on(self, pool):
        stripe, beats = Listing(), itertools.count()
        stripe.add("evt_1", 5 * MINUTE)
        webhooks.poll(
            pool=pool,
            sources={"stripe": stripe},
            outside_now=lambda: NOW + timedelta(seconds=20 * next(beats)),
        )
        assert len(stripe.asked) == 3
        look(pool, stripe=stripe)
        assert stripe.asked[3][0] == stripe.asked[2][1] - 10 * MINUTE
        assert set(found(pool)) == {"evt_1"}

    def test_reads_a_quiet_time_once(self, pool):
        stripe = Listing()
        look(pool, stripe=stripe)
        stripe.asked.clear()
        look(pool, stripe=stripe)
        [(since, until)] = stripe.asked
        assert NOW - timedelta(hours=2, minutes=10) < since
        assert until == NOW

    def test_goes_on_where_it_was_but_for_an_overlap(self, pool):
        stripe = Listing()
        stripe.add("evt_1", 5 * MINUTE)
        look(pool, stripe=stripe)
        stripe.add("evt_late", 9 * MINUTE)
        look(pool, stripe=stripe)
        assert stripe.asked[0][0] < NOW - timedelta(days=2)
        assert stripe.asked[-1] == (NOW - 15 * MINUTE, NOW)
        assert set(found(pool)) == {"evt_1", "evt_late"}, "it stood in the list only later"

    def test_never_goes_back(self, pool):
        stripe = Listing()
        stripe.add("evt_1", 5 * MINUTE)
        look(pool, stripe=stripe)
        stripe.made.clear()
        stripe.asked.clear()
        look(pool, now=NOW - timedelta(days=1), stripe=stripe)
        look(pool, stripe=stripe)
        assert [since for since, _ in stripe.asked] == [NOW - 15 * MINUTE] * 2

    def test_lets_one_provider_s_trouble_delay_no_other(self, pool):
        broken, well = Listing(), Listing()
        broken.add("evt_1", 5 * MINUTE)
        broken.breaks_after = 0
        well.add("evt_2", 5 * MINUTE)
        with pytest.raises(ConnectionError):
            look(pool, broken=broken, well=well)
        assert set(found(pool)) == {"evt_2"}

    def test_takes_a_provider_that_is_away_for_no_error(self, pool):
        away, well = Listing(), Listing()
        away.breaks_from = NOW - timedelta(days=9)
        well.add("evt_2", 5 * MINUTE)
        with structlog.testing.capture_logs() as told:
            look(pool, away=away, well=well)
        said = [(line["event"], line["log_level"]) for line in told if line.get("provider")]
        assert said == [("webhook_poll_postponed", "warning")]
        assert set(found(pool)) == {"evt_2"}

    def test_asks_with_no_transaction_open(self, pool, database):
        stripe = Listing(database)
        for number in range(3):
            stripe.add(f"evt_{number}", 5 * MINUTE)
        look(pool, stripe=stripe)
        assert len(found(pool)) == 3

    def test_is_a_portion_at_a_time(self, pool, monkeypatch):
        monkeypatch.setattr(poller, "_CHUNK", 2)
        stripe = Listing()
        for number in range(5):
            stripe.add(f"evt_{number}", 5 * MINUTE)
        look(pool, stripe=stripe)
        with pool.transaction() as conn:
            [(portions,)] = conn.execute(
                "SELECT count(DISTINCT xmin::text) FROM tallystick.webhook_event"
            ).fetchall()
        assert portions == 3
