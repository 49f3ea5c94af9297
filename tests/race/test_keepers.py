"""Keepers with real commits: each event once, who waits told the truth, nobody left waiting."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psycopg
import pytest

from factories.inbox import Recording, delivery, keep, receive
from factories.races import together
from tallystick import db, webhooks
from tallystick.db import DatabaseUnavailable
from tallystick.testing import TcpProxy
from tallystick.webhooks import InboxBusy, InboxClosed, InboxFull, Keeper, Receipt, store

KEPT = "SELECT external_id, xmin::text FROM tallystick.webhook_event ORDER BY external_id"
#: Enough that some wait while others are kept.
MANY = 400


@dataclass
class Heard:
    """What a Keeper told of itself."""

    sizes: list[int] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    new: int = 0
    again: int = 0

    def waiting(self, deliveries: int) -> None:
        """Do nothing."""

    def kept(self, _provider: str, _way: str, *, new: int, again: int) -> None:
        self.new += new
        self.again += again

    def batch(self, *, deliveries: int, seconds: float) -> None:
        assert seconds > 0
        self.sizes.append(deliveries)

    def trouble(self, what: str) -> None:
        self.troubles[what] += 1

    def handled(self, provider: str, how: str, events: int) -> None:
        """Do nothing."""

    def drained(self, *, events: int, oldest_s: float) -> None:
        """Do nothing."""


@pytest.fixture
def keeper_of() -> Iterator[Callable[..., Keeper]]:
    """Make Keepers that end with the test."""
    made: list[Keeper] = []

    def make(url: str, **change: object) -> Keeper:
        made.append(Keeper(url, **change))
        return made[-1]

    yield make
    for keeper in made:
        keeper.close()


@pytest.fixture
def pool(database) -> Iterator[db.Pool]:
    made = db.Pool(database.application_url, size_max=16, timeout_s=5, application_name="test")
    yield made
    made.close()


def kept(database) -> dict[str, str]:
    with psycopg.connect(database.application_url) as conn:
        return dict(conn.execute(KEPT).fetchall())


class TestKeep:
    def test_keeps_what_waits_together_in_few_transactions(self, database, keeper_of):
        heard = Heard()
        keeper = keeper_of(database.application_url, gauges=heard)
        receipts = keep(keeper, [delivery(f"evt_{number}") for number in range(MANY)])
        assert receipts == [Receipt(f"evt_{number}", is_new=True) for number in range(MANY)]
        rows = kept(database)
        assert len(rows) == MANY
        assert len(set(rows.values())) == len(heard.sizes) < MANY / 10
        assert (heard.new, heard.again, sum(heard.sizes)) == (MANY, 0, MANY)

    def test_says_so_only_once_another_connection_sees_the_row(self, database, keeper_of):
        keeper = keeper_of(database.application_url)

        async def keep_and_look() -> None:
            with psycopg.connect(database.application_url, autocommit=True) as conn:
                for number in range(20):
                    await keeper.keep(delivery(f"evt_{number}"))
                    found = conn.execute("SELECT count(*) FROM tallystick.webhook_event").fetchone()
                    assert found == (number + 1,)

        asyncio.run(keep_and_look())

    def test_keeps_the_same_event_of_one_batch_once(self, database, keeper_of):
        keeper = keeper_of(database.application_url)
        receipts = keep(keeper, [delivery("evt_1")] * 100)
        assert [receipt.external_id for receipt in receipts] == ["evt_1"] * 100
        assert sum(receipt.is_new for receipt in receipts) == 1
        assert len(kept(database)) == 1

    def test_keeps_fifty_events_a_hundred_times_over_two_servers_once_each(
        self, database, keeper_of
    ):
        heard = [Heard(), Heard()]
        keepers = [
            keeper_of(database.application_url, gauges=one, waiting_max=5_000) for one in heard
        ]

        def deliver(number: int) -> list[Receipt]:
            order = [delivery(f"evt_{event:02}") for event in range(50)]
            return keep(keepers[number % 2], order if number % 4 < 2 else order[::-1])

        receipts = [one for some in together(100, deliver) for one in some]
        assert all(isinstance(one, Receipt) for one in receipts)
        new = Counter(one.external_id for one in receipts if one.is_new)
        assert new == {f"evt_{event:02}": 1 for event in range(50)}
        assert len(kept(database)) == 50
        assert [one.troubles for one in heard] == [{}, {}]

    def test_waits_for_nobody_in_a_circle(self, database):
        """Both wait for an event in the middle of their lists, which go in opposed directions."""
        ones = [delivery(f"evt_{number:02}") for number in range(100)]

        def keep_them(number: int) -> int:
            with psycopg.connect(
                database.application_url, autocommit=True, application_name="tallystick-keeper"
            ) as conn:
                return sum(store.keep(conn, ones if number else ones[::-1]))

        with psycopg.connect(database.application_url) as conn, ThreadPoolExecutor(2) as threads:
            store.keep(conn, [ones[50]])
            running = [threads.submit(keep_them, number) for number in range(2)]
            wait_until(lambda: waiting_for_locks(database) == 2)
            conn.rollback()
            assert sorted(one.result(20) for one in running) == [0, 100]

    def test_wakes_the_drains_once_a_batch_of_something_new(self, database, keeper_of):
        heard = Heard()
        keeper = keeper_of(database.application_url, gauges=heard)
        with psycopg.connect(database.application_url, autocommit=True) as ear:
            ear.execute(f"LISTEN {webhooks.CHANNEL}")
            keep(keeper, [delivery(f"evt_{number}") for number in range(MANY)])
            assert len(list(ear.notifies(timeout=0.5))) == len(heard.sizes) < MANY
            keep(keeper, [delivery("evt_1")])
            assert list(ear.notifies(timeout=0.2)) == [], "nothing is new"

    def test_lets_an_event_that_the_database_refuses_spoil_no_other(self, database, keeper_of):
        heard = Heard()
        keeper = keeper_of(database.application_url, gauges=heard)
        poison = delivery("x" * 300)
        ones = [delivery(f"evt_{number}") for number in range(20)]
        receipts = keep(keeper, [*ones[:7], poison, *ones[7:]])
        assert isinstance(receipts.pop(7), psycopg.errors.CheckViolation)
        assert all(receipt.is_new for receipt in receipts)
        assert len(kept(database)) == 20
        assert heard.troubles == {"poison": 1}

    def test_refuses_more_than_may_wait(self, database, keeper_of):
        keeper = keeper_of(database.application_url, waiting_max=10)

        async def flood() -> tuple[int, list[Receipt]]:
            futures, refused = [], 0
            for number in range(100):
                try:
                    futures.append(keeper.keep(delivery(f"evt_{number}")))
                except InboxFull:
                    refused += 1
            return refused, await asyncio.gather(*futures)

        with psycopg.connect(database.owner_url) as owner:
            owner.execute("LOCK TABLE tallystick.webhook_event IN EXCLUSIVE MODE")
            keep(keeper_of(database.application_url, silence_s=0.2), [delivery("evt_probe")])

            async def held() -> tuple[int, list[Receipt]]:
                asking = asyncio.ensure_future(flood())
                await asyncio.sleep(0)
                owner.rollback()
                return await asking

            refused, receipts = asyncio.run(held())
        assert refused > 0
        assert refused + len(receipts) == 100
        assert len(kept(database)) >= len(receipts)

    def test_keeps_nothing_that_was_taken_back_before(self, database, keeper_of):
        keeper = keeper_of(database.application_url)

        async def take_back() -> None:
            with psycopg.connect(database.owner_url) as owner:
                owner.execute("LOCK TABLE tallystick.webhook_event IN EXCLUSIVE MODE")
                first = keeper.keep(delivery("evt_first"))
                await asyncio.to_thread(wait_until, lambda: waiting_for_locks(database) == 1)
                second = keeper.keep(delivery("evt_second"))
                second.cancel()
                owner.rollback()
                await first

        asyncio.run(take_back())
        keep(keeper, [delivery("evt_third")])
        assert set(kept(database)) == {"evt_first", "evt_third"}


class TestOutage:
    def test_survives_a_connection_that_died_while_nobody_looked(self, database, keeper_of):
        heard = Heard()
        keeper = keeper_of(database.application_url, gauges=heard)
        keep(keeper, [delivery("evt_1")])
        end_connections(database)
        assert keep(keeper, [delivery("evt_2")]) == [Receipt("evt_2", is_new=True)]
        assert heard.troubles == {"connection_lost": 1}

    def test_tells_everyone_at_once_and_heals_by_itself(self, database, keeper_of):
        with TcpProxy.to(database.application_url) as line:
            keeper = keeper_of(line.url(database.application_url))
            keep(keeper, [delivery("evt_0")])
            line.refuse()
            line.cut()
            mark = time.monotonic()
            troubles = keep(keeper, [delivery(f"evt_{number}") for number in range(MANY)])
            assert {type(trouble) for trouble in troubles} == {DatabaseUnavailable}
            assert time.monotonic() - mark < 5
            assert len(kept(database)) == 1
            line.heal()
            receipts = keep(keeper, [delivery(f"evt_{number}") for number in range(MANY)])
        assert sum(receipt.is_new for receipt in receipts) == MANY - 1
        assert len(kept(database)) == MANY

    def test_believes_no_commit_that_was_not_answered_and_asks_again(self, database, keeper_of):
        with TcpProxy.to(database.application_url) as line:
            keeper = keeper_of(line.url(database.application_url))
            keep(keeper, [delivery("evt_0")])
            line.cut_at(b"INSERT INTO tallystick.webhook_event", is_delivered=True)
            [receipt] = keep(keeper, [delivery("evt_1")])
            assert receipt == Receipt("evt_1", is_new=False), "the first try had kept it"
            line.cut_at(b"INSERT INTO tallystick.webhook_event", is_delivered=True, times=2)
            [trouble] = keep(keeper, [delivery("evt_2")])
            assert isinstance(trouble, DatabaseUnavailable)
            line.heal()
            assert keep(keeper, [delivery("evt_2")]) == [Receipt("evt_2", is_new=False)]

    def test_gives_up_a_silent_database(self, database, keeper_of):
        with TcpProxy.to(database.application_url) as line:
            keeper = keeper_of(line.url(database.application_url), silence_s=0.3, timeout_s=2)
            keep(keeper, [delivery("evt_0")])
            line.blackhole()
            mark = time.monotonic()
            [trouble] = keep(keeper, [delivery("evt_1")])
            assert isinstance(trouble, DatabaseUnavailable)
            assert time.monotonic() - mark < 6
            line.heal()
            [receipt] = keep(keeper, [delivery("evt_1")])
        assert isinstance(receipt, Receipt)

    def test_of_writes_alone_is_none_of_the_database(self, database, keeper_of):
        keeper = keeper_of(database.application_url)
        keep(keeper, [delivery("evt_0")])
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute(
                f'ALTER DATABASE "{database.name}" SET default_transaction_read_only = on'
            )
            end_connections(database)
            [trouble] = keep(keeper, [delivery("evt_1")])
            assert isinstance(trouble, InboxBusy)
            owner.execute("SET default_transaction_read_only = off")
            owner.execute(f'ALTER DATABASE "{database.name}" RESET default_transaction_read_only')
        assert keep(keeper, [delivery("evt_1")]) == [Receipt("evt_1", is_new=True)]


class TestClose:
    def test_keeps_what_waits_and_takes_no_more(self, database, keeper_of):
        keeper = keeper_of(database.application_url)

        async def close_in_the_middle() -> list[Receipt]:
            futures = [keeper.keep(delivery(f"evt_{number}")) for number in range(MANY)]
            await asyncio.to_thread(keeper.close)
            with pytest.raises(InboxClosed):
                keeper.keep(delivery("evt_late"))
            return await asyncio.gather(*futures)

        receipts = asyncio.run(close_in_the_middle())
        assert all(receipt.is_new for receipt in receipts)
        assert len(kept(database)) == MANY

    def test_needs_no_keeper_that_ever_began(self):
        Keeper("postgresql://nobody@127.0.0.1:9/nothing").close()


class TestDrains:
    def test_at_once_handle_each_event_once(self, pool):
        names = [f"evt_{number:03}" for number in range(300)]
        receive(pool, *names)
        handlers = [Recording() for _ in range(8)]

        def drain(number: int) -> None:
            while webhooks.drain(pool=pool, handlers={"stripe": handlers[number]}):
                pass

        together(8, drain)
        assert sorted(name for one in handlers for name in one.handled) == names


def end_connections(database) -> None:
    """End the Keepers' connections at the server: a role may end its own."""
    with psycopg.connect(database.application_url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'tallystick-keeper' AND datname = current_database()"
        )


def waiting_for_locks(database) -> int:
    with psycopg.connect(database.application_url) as conn:
        [(count,)] = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = 'tallystick-keeper' AND datname = current_database()"
        ).fetchall()
    return count


def wait_until(happened: Callable[[], bool], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)
