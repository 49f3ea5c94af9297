"""Breakers on a real store that forgets, lies, hangs, or is not there at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tallystick.resilience import BreakerOpen, BreakerPolicy, Breakers, BreakerState, rules
from tallystick.resilience.fleet import KEY, Fleet, texts
from tallystick.resilience.model import Memory
from tallystick.testing import TcpProxy

NAME = "stripe.collect"
POLICY = BreakerPolicy(jitter=0.0)


def is_trouble(error: BaseException) -> bool:
    return isinstance(error, OSError)


def good() -> str:
    return "answer"


def bad() -> str:
    raise OSError("no line")


def process(url: str, policy: BreakerPolicy = POLICY, **more: object) -> Breakers:
    """Return breakers as another process has them: with a connection of their own."""
    store = Fleet(url, timeout_s=3, **more)  # type: ignore[arg-type]
    return Breakers(policy=policy, chance=lambda: 0.0, shared=store)


def call(breakers: Breakers, work: Callable[[], object] = good) -> object:
    return breakers.call(NAME, work, is_failure=is_trouble)


def fail(breakers: Breakers, times: int = 10) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="no line"):
            call(breakers, bad)


def state(breakers: Breakers) -> tuple[BreakerState, bool]:
    [view] = breakers.views()
    return view.state, view.shared


def is_refused(breakers: Breakers) -> bool:
    try:
        call(breakers)
    except BreakerOpen:
        return True
    return False


def trip(breakers: Breakers) -> None:
    """Fail until the next call is refused."""
    for _ in range(60):
        try:
            call(breakers, bad)
        except BreakerOpen:
            return
        except OSError:
            pass
    raise AssertionError("it did not trip")


OPEN = (BreakerState.OPEN, True)
CLOSED = (BreakerState.CLOSED, True)


class TestSharing:
    def test_counts_the_failures_of_all_together(self, store):
        one, other = process(store.url), process(store.url)
        fail(one, 5)
        fail(other, 4)
        assert state(one) == CLOSED
        fail(one, 1)
        assert is_refused(other)
        assert is_refused(one)
        assert state(process(store.url)) == OPEN

    def test_resets_for_all(self, store):
        one, other = process(store.url), process(store.url)
        fail(one)
        assert is_refused(other)
        assert process(store.url).reset(NAME)
        assert call(one) == "answer"
        assert not other.reset(NAME)

    def test_lets_one_thread_of_all_processes_probe(self, store):
        quick = BreakerPolicy(open_for_s=0.05, probe_lease_s=60, calls_max=16)
        processes = [process(store.url, quick) for _ in range(4)]
        fail(processes[0])
        gate, probes, refused, finished = threading.Barrier(16), [], [], []
        done = threading.Event()

        def probe() -> None:
            probes.append(1)
            done.wait(60)

        def ask(breakers: Breakers) -> None:
            gate.wait(20)
            while len(refused) < 2_000 and not done.is_set():
                try:
                    call(breakers, probe)
                except BreakerOpen:
                    refused.append(1)
            finished.append(1)
            # The probe's own thread is the one that is left: only now may it end.
            if len(finished) == 15:
                done.set()

        with ThreadPoolExecutor(16) as threads:
            list(threads.map(ask, processes * 4))
        assert probes == [1]

    def test_expires_by_itself(self, store):
        call(process(store.url))
        assert 0 < store.client.ttl(KEY) <= 3_600
        assert store.client.keys() == [KEY.encode()]


class TestForgetting:
    def test_is_mended_by_who_knows_more(self, store):
        wise, fool = process(store.url), process(store.url)
        call(fool)
        trip(wise)
        store.client.flushall()
        # Who had seen nothing of the trip writes what it knows first.
        assert call(fool) == "answer"
        assert is_refused(wise)
        assert is_refused(fool)
        assert state(fool) == OPEN

    def test_is_mended_after_many_trips_too(self, store):
        hasty = BreakerPolicy(pace_rate_min=1e9)
        one, fool = process(store.url, hasty), process(store.url, hasty)
        for _ in range(3):
            trip(one)
            assert one.reset(NAME)
            call(fool)
        trip(one)
        store.client.flushall()
        assert call(fool) == "answer"
        assert is_refused(one)
        assert is_refused(fool)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda client: client.set(KEY, "x"),
            lambda client: client.lpush(KEY, "x"),
            lambda client: client.sadd(KEY, "x"),
            lambda client: client.hset(KEY, NAME, ""),
            lambda client: client.hset(KEY, NAME, b"\xff\x00"),
            lambda client: client.hset(KEY, NAME, "[" * 5_000),
            lambda client: client.hset(KEY, NAME, "x" * 100_000),
            lambda client: client.hset(KEY, NAME, "null"),
            lambda client: client.hset(KEY, NAME, '[1,"open",1,1,[NaN,1,1],[1,1,1],[]]'),
            lambda client: client.hset(KEY, NAME, '[1,"open",true,1,[1,1,1],[1,1,1],[]]'),
            lambda client: client.hset(KEY, NAME, '[1,"ajar",1,1,[1,1,1],[1,1,1],[]]'),
            lambda client: client.hset(KEY, NAME, '[2,"open",1,1,[1,1,1],[1,1,1],[]]'),
            lambda client: client.hset(KEY, NAME, '[1,"open",1,1,[1,1e400,1],[1,1,1],[]]'),
        ],
    )
    def test_and_nonsense_are_the_same(self, store, spoil):
        wise = process(store.url)
        fail(wise)
        store.client.delete(KEY)
        spoil(store.client)
        assert is_refused(wise)
        assert is_refused(process(store.url))
        assert store.client.type(KEY) == b"hash"
        store.client.delete(KEY)
        spoil(store.client)
        fresh = process(store.url)
        fail(fresh)
        assert state(fresh) == OPEN

    def test_shows_no_field_that_is_none_of_ours(self, store):
        call(process(store.url))
        store.client.hset(KEY, mapping={"No Name": "x", "other.one": "x", b"\xff": "x"})
        assert [view.name for view in process(store.url).views()] == [NAME]

    def test_in_the_far_future_opens_nobody_for_ever(self, store):
        far = 4e9
        text = f'[1,"open",7,3,[{far},{2 * far},{far}],[1.0,{far},{far}],[]]'
        store.client.hset(KEY, NAME, text)
        [view] = process(store.url).views()
        assert 0 < view.retry_after_s <= POLICY.open_for_max_s

    @pytest.mark.parametrize("turn", [2**53, 2**53 - 1, 2**52, 2**52 + 1])
    def test_of_the_turns_parts_nobody(self, store, turn):
        one, other = process(store.url), process(store.url)
        call(one)
        call(other)
        kept = texts.read(store.client.hget(KEY, NAME))
        store.client.hset(KEY, NAME, texts.write(replace(kept, turn=turn)))
        # From the far side of the ring, each may take the other's turn for the earlier one, once.
        trip(one)
        is_refused(other)
        trip(one)
        assert is_refused(other)
        assert state(process(store.url)) == OPEN
        assert process(store.url).reset(NAME)
        assert call(other) == "answer"
        assert state(one) == state(other) == CLOSED

    def test_of_the_time_by_an_hour_keeps_nobody_waiting_for_it(self, store):
        """The store's clock is put back: what it wrote before lies in its future."""
        breakers = process(store.url, BreakerPolicy(open_for_s=0.3, open_for_max_s=0.3))
        trip(breakers)
        memory = texts.read(store.client.hget(KEY, NAME))
        assert memory is not None
        store.client.hset(KEY, NAME, texts.write(rules.shifted(memory, 3_600.0)))
        fresh = process(store.url, BreakerPolicy(open_for_s=0.3, open_for_max_s=0.3))
        assert is_refused(fresh)
        deadline = time.monotonic() + 20
        while is_refused(fresh):
            assert time.monotonic() < deadline
            time.sleep(0.02)


class TestSwap:
    def test_refuses_what_was_read_too_long_ago(self, store):
        fleet = Fleet(store.url, timeout_s=3)
        kept = fleet.read(NAME)
        assert kept is not None
        stale = type(kept)(kept.raw, kept.memory, kept.now - 2)
        assert fleet.swap(NAME, stale, Memory()) is False
        assert fleet.swap(NAME, kept, Memory()) is True
        assert fleet.swap(NAME, kept, Memory(turn=1)) is False


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 10.0

    def __call__(self) -> float:
        return self.now


def at_home(url: str, clock: Clock) -> Breakers:
    store = Fleet(url, timeout_s=0.1, now=clock)
    return Breakers(policy=POLICY, chance=lambda: 0.0, shared=store, now=clock)


class TestAway:
    @pytest.mark.parametrize(
        "trouble",
        [
            lambda proxy: proxy.blackhole(),
            lambda proxy: (proxy.refuse(), proxy.cut()),
            lambda proxy: proxy.delay(0.5),
        ],
        ids=["hangs", "refuses", "late"],
    )
    def test_goes_on_at_home_and_asks_once_a_second(self, store, trouble):
        clock = Clock()
        with TcpProxy.to(store.url) as proxy:
            breakers = at_home(proxy.url(store.url), clock)
            # On a busy machine even this may be late: then it is tried a second later.
            while not call(breakers) or state(breakers) != CLOSED:
                clock.now += 1
            trouble(proxy)
            assert call(breakers) == "answer"
            taken = proxy.taken
            for _ in range(200):
                assert call(breakers) == "answer"
            assert proxy.taken == taken, "it was asked again within the second"
            assert state(breakers)[1] is False
            proxy.heal()

    def test_trips_alone(self):
        breakers = at_home("redis://127.0.0.1:9/0", Clock())
        fail(breakers)
        assert is_refused(breakers)
        assert state(breakers) == (BreakerState.OPEN, False)

    def test_while_open_releases_no_flood(self, store):
        clock = Clock()
        with TcpProxy.to(store.url) as proxy:
            breakers = at_home(proxy.url(store.url), clock)
            fail(process(store.url))
            while not is_refused(breakers):
                clock.now += 1
            proxy.refuse()
            proxy.cut()
            assert all(is_refused(breakers) for _ in range(50))
            assert state(breakers) == (BreakerState.OPEN, False)

    def test_comes_back_to_what_the_others_know(self, store):
        clock = Clock()
        with TcpProxy.to(store.url) as proxy:
            lonely, other = at_home(proxy.url(store.url), clock), process(store.url)
            while not call(lonely) or state(lonely) != CLOSED:
                clock.now += 1
            proxy.refuse()
            proxy.cut()
            trip(lonely)
            assert state(lonely) == (BreakerState.OPEN, False)
            assert call(other) == "answer"
            proxy.heal()
            clock.now += 1.01
            while state(lonely) != CLOSED:
                clock.now += 1.01
            assert state(other) == CLOSED

    def test_that_goes_while_it_is_asked_leaves_what_was_read(self, store):
        """Read it can be, and then the line is cut at the swap: the probe goes as a probe."""
        quick = BreakerPolicy(open_for_s=0.1, probe_lease_s=60)
        trip(process(store.url, quick))
        watcher = process(store.url, quick)
        while watcher.views()[0].retry_after_s:
            time.sleep(0.01)
        store.client.script_flush()
        with TcpProxy.to(store.url) as proxy:
            breakers = process(proxy.url(store.url), quick)
            # Only the swap says it.
            proxy.cut_at(b"PEXPIRE")
            assert call(breakers, lambda: state(breakers)) == (BreakerState.HALF_OPEN, False)
            assert state(breakers) == (BreakerState.CLOSED, False)

    def test_seen_in_a_list_alone_is_known_too(self, store):
        trip(process(store.url))
        with TcpProxy.to(store.url) as proxy:
            breakers = process(proxy.url(store.url))
            assert state(breakers) == OPEN
            proxy.refuse()
            proxy.cut()
            assert is_refused(breakers)
            assert state(breakers) == (BreakerState.OPEN, False)

    def test_that_asks_for_another_password_is_away(self, store):
        breakers = at_home(store.url.replace("secret", "wrong"), Clock())
        assert call(breakers) == "answer"
        assert breakers.fleet_views() is None

    def test_that_may_not_be_written_is_away(self, store):
        """As a replica after a failover: it reads, and refuses every write."""
        store.client.execute_command("REPLICAOF", "127.0.0.1", "9")
        try:
            breakers = at_home(store.url, Clock())
            fail(breakers)
            assert is_refused(breakers)
        finally:
            store.client.execute_command("REPLICAOF", "NO", "ONE")
