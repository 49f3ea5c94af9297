"""Four real processes on a real store: they trip together, probe once, and outlive its loss."""

from __future__ import annotations

import contextlib
import itertools
import time

import pytest

from tallystick.resilience import BreakerOpen, BreakerPolicy, Breakers, BreakerState
from tallystick.resilience.fleet import Fleet

NAME = "stripe.collect"
#: So that an interval is the same each time.
STEADY = {"jitter": 0.0, "open_for_max_s": 0.5, "open_for_s": 0.5, "probe_lease_s": 0.5}
LONG = {"jitter": 0.0, "open_for_max_s": 60.0, "open_for_s": 60.0}


def seen(store) -> Breakers:
    """Return the breakers of a process that has seen nothing yet."""
    return Breakers(
        policy=BreakerPolicy(**LONG), chance=lambda: 0.0, shared=Fleet(store.url, timeout_s=3)
    )


def state(store) -> BreakerState | None:
    views = seen(store).fleet_views()
    return views[0].state if views else None


def no_line() -> None:
    raise OSError("no line")


class TestFleet:
    def test_trips_together_probes_once_an_interval_and_comes_back(
        self, store, provider, fleet, wait
    ):
        fleet.start(4, **STEADY)
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        # The calls that tripped it, and those that were out at that moment.
        before = len(provider.calls)
        assert 10 <= before <= 10 + 4 + 1
        wait(lambda: len(provider.calls) >= before + 4)
        moments = [at for at, _ in provider.calls[before:]]
        gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
        # Two of one interval would come at the same time; half of it is for a busy machine.
        assert min(gaps) > 0.25
        provider.way = "good"
        wait(lambda: set(fleet.told("answered")) == {one.pid for one in fleet.processes})
        assert state(store) is BreakerState.CLOSED

    @pytest.mark.full
    def test_paces_all_together_after_a_reset(self, store, provider, fleet, wait):
        fleet.start(4, **STEADY, pace_rate_min=20.0)
        wait(lambda: state(store) is BreakerState.OPEN)
        provider.way = "good"
        wait(lambda: state(store) is BreakerState.CLOSED)
        begun = time.monotonic()
        wait(lambda: time.monotonic() > begun + 2)
        moments = [at for at, _ in provider.calls if begun < at < begun + 2]
        # Each process alone would make about fifty a second.
        assert 10 <= len(moments) <= 2 * 20 * 1.2
        assert len({pid for at, pid in provider.calls if at > begun}) > 1

    def test_gives_a_probe_that_was_not_used_to_the_next_one(self, store, provider, fleet, wait):
        # Each probe that is not given back would keep all waiting for five seconds.
        policy = STEADY | {"probe_lease_s": 5.0}
        own = Breakers(
            policy=BreakerPolicy(**policy), chance=lambda: 0.0, shared=Fleet(store.url, timeout_s=3)
        )
        for _ in range(10):
            with pytest.raises(OSError, match="no line"):
                own.call(NAME, no_line, is_failure=lambda _: True)
        fleet.start(4, is_idle=True, **policy)
        wait(lambda: all(fleet.told("unused").count(one.pid) >= 5 for one in fleet.processes))
        assert not fleet.told("two"), "two probes were out at a time"
        assert not provider.calls
        assert state(store) in {BreakerState.OPEN, BreakerState.HALF_OPEN}

        def has_answered() -> bool:
            with contextlib.suppress(BreakerOpen):
                return own.call(NAME, lambda: True, is_failure=lambda _: True)
            return False

        wait(has_answered)
        assert state(store) is BreakerState.CLOSED

    def test_lets_no_flood_out_when_the_store_forgets_all(self, store, provider, fleet, wait):
        fleet.start(4, **LONG)
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        before = len(provider.calls)
        for _ in range(5):
            store.client.flushall()
            fleet.wait_for_refusals_of_all()
            assert state(store) is BreakerState.OPEN, "it was not put back"
        assert len(provider.calls) == before

    def test_probes_again_when_the_process_of_the_probe_is_killed(
        self, store, provider, fleet, wait
    ):
        fleet.start(4, **STEADY)
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        provider.way = "hang"
        before = len(provider.calls)
        wait(lambda: len(provider.calls) > before)
        at, pid = provider.calls[before]
        fleet.kill(pid)
        provider.way = "good"
        wait(lambda: len(provider.calls) > before + 1)
        later, other = provider.calls[before + 1]
        assert other != pid
        assert later - at > 0.25, "the next one went before the lease was over"
        wait(lambda: len(set(fleet.told("answered"))) == 3)

    def test_knows_that_it_is_open_while_the_store_is_gone(self, store, provider, fleet, wait):
        fleet.start(4, **LONG)
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        before = len(provider.calls)
        store.stop()
        try:
            for _ in range(3):
                fleet.wait_for_refusals_of_all()
        finally:
            store.start()
        # It is empty now, and the first that finds it again puts back what all know.
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        assert len(provider.calls) == before

    def test_probes_once_a_process_at_most_while_the_store_is_gone(
        self, store, provider, fleet, wait
    ):
        fleet.start(4, **STEADY)
        wait(lambda: state(store) is BreakerState.OPEN)
        fleet.wait_for_refusals_of_all()
        store.stop()
        try:
            begun, before = time.monotonic(), len(provider.calls)
            wait(lambda: len(provider.calls) >= before + 8)
            moments = [(at, pid) for at, pid in provider.calls[before:] if at > begun + 0.3]
            for process in fleet.processes:
                own = [at for at, pid in moments if pid == process.pid]
                gaps = [later - earlier for earlier, later in itertools.pairwise(own)]
                assert not gaps or min(gaps) > 0.25
            provider.way = "good"
            wait(lambda: set(fleet.told("answered")) == {one.pid for one in fleet.processes})
        finally:
            store.start()
        wait(lambda: state(store) is BreakerState.CLOSED)
