"""The breakers of one process without a store: what is counted, refused, and passed on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tallystick.payments import Operation
from tallystick.resilience import (
    BreakerOpen,
    BreakerPolicy,
    Breakers,
    BreakerState,
    BulkheadFull,
    Deadline,
    DeadlinePassed,
)
from tallystick.settings import Settings

NAME = "stripe.collect"


class Clock:
    """Monotonic seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


class Counted:
    """A meter that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[bool] = []
        self.refusals: list[str] = []
        self.trips = 0
        self.is_open = False

    def called(self, name: str, *, is_failure: bool, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append(is_failure)

    def refused(self, name: str, why: str) -> None:
        self.refusals.append(why)

    def tripped(self, name: str) -> None:
        self.trips += 1

    def state(self, name: str, *, is_open: bool) -> None:
        self.is_open = is_open


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def breakers(clock: Clock, counted: Counted) -> Breakers:
    policy = BreakerPolicy(calls_max=2)
    return Breakers(policy=policy, chance=lambda: 0.0, now=clock, meter=counted)


def is_trouble(error: BaseException) -> bool:
    return isinstance(error, OSError)


def good() -> str:
    return "answer"


def bad() -> str:
    raise OSError("no line")


def refuse() -> str:
    raise ValueError("the card was declined")


def trip(breakers: Breakers, name: str = NAME) -> None:
    for _ in range(10):
        with pytest.raises(OSError, match="no line"):
            breakers.call(name, bad, is_failure=is_trouble)
    with pytest.raises(BreakerOpen):
        breakers.call(name, good, is_failure=is_trouble)


class TestCall:
    def test_returns_what_the_work_returns(self, breakers, counted):
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"
        assert counted.calls == [False]

    def test_refuses_before_the_work_is_called_once_it_has_tripped(self, breakers, counted):
        trip(breakers)
        called = []
        with pytest.raises(BreakerOpen, match=r"stripe\.collect is not called now") as refusal:
            breakers.call(NAME, lambda: called.append(1), is_failure=is_trouble)
        assert not called
        assert (refusal.value.name, refusal.value.retry_after_s) == (NAME, 10)
        assert (counted.trips, counted.is_open) == (1, True)
        assert counted.refusals == ["open", "open"]

    def test_takes_a_refusal_of_the_provider_for_a_healthy_answer(self, breakers):
        for _ in range(50):
            with pytest.raises(ValueError, match="declined"):
                breakers.call(NAME, refuse, is_failure=is_trouble)
        assert breakers.views()[0].state is BreakerState.CLOSED
        assert breakers.views()[0].failures == 0

    def test_counts_slow_calls(self, clock):
        policy = BreakerPolicy(window_s=60)
        breakers = Breakers(policy=policy, chance=lambda: 0.0, now=clock)

        def slow():
            clock.now += 5

        for _ in range(9):
            breakers.call(NAME, slow, is_failure=is_trouble)
        assert breakers.views()[0].slow == 9
        breakers.call(NAME, slow, is_failure=is_trouble)
        assert breakers.views()[0].state is BreakerState.OPEN

    def test_comes_back_by_one_good_probe(self, breakers, clock, counted):
        trip(breakers)
        clock.now += 10
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"
        assert breakers.views()[0].state is BreakerState.CLOSED
        assert not counted.is_open

    def test_lets_one_thread_probe_and_no_other(self, breakers, clock):
        trip(breakers)
        clock.now += 10
        begun, done, probes = threading.Event(), threading.Event(), []

        def probe():
            probes.append(1)
            begun.set()
            done.wait(10)

        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(breakers.call, NAME, probe, is_failure=is_trouble)
            assert begun.wait(10)
            for _ in range(20):
                with pytest.raises(BreakerOpen):
                    breakers.call(NAME, probe, is_failure=is_trouble)
            done.set()
            first.result(10)
        assert probes == [1]

    def test_does_not_take_ctrl_c_for_an_answer(self, breakers, clock):
        trip(breakers)
        clock.now += 10

        def interrupted():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            breakers.call(NAME, interrupted, is_failure=is_trouble)
        assert breakers.views()[0].state is BreakerState.HALF_OPEN
        clock.now += 10
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"

    def test_keeps_operations_apart(self, breakers):
        trip(breakers)
        assert breakers.call("stripe.refund", good, is_failure=is_trouble) == "answer"

    def test_gives_the_answer_though_nobody_can_count_it(self, breakers, counted):
        counted.called = bad
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"

    @pytest.mark.parametrize("name", ["", "a", "Stripe", "1a", "a-b", "a b", "a" * 62, "a\n", "ä"])
    def test_refuses_what_is_no_name(self, breakers, name):
        with pytest.raises(ValueError, match="names no operation"):
            breakers.call(name, good, is_failure=is_trouble)


class TestAdmit:
    def test_counts_the_time_of_the_call_alone(self, clock):
        breakers = Breakers(
            policy=BreakerPolicy(window_s=600), chance=lambda: 0.0, now=clock, meter=Counted()
        )

        def work():
            clock.now += 4.9
            return "answer"

        for _ in range(20):
            with breakers.admit(NAME) as admitted:
                clock.now += 6
                assert admitted.call(work, is_failure=is_trouble) == "answer"
                clock.now += 6
        [view] = breakers.views()
        assert (view.calls, view.slow, view.state) == (20, 0, BreakerState.CLOSED)

    def test_refuses_before_the_block_begins(self, breakers):
        trip(breakers)
        begun = []
        with pytest.raises(BreakerOpen), breakers.admit(NAME):
            begun.append(1)
        assert not begun

    def test_gives_back_a_probe_that_was_not_used(self, breakers, clock, counted):
        trip(breakers)
        clock.now += 10
        calls = len(counted.calls)
        for _ in range(6):
            with breakers.admit(NAME):
                # It is out all the same: nobody else is let through meanwhile.
                with pytest.raises(BreakerOpen):
                    breakers.call(NAME, good, is_failure=is_trouble)
                clock.now += 0.1
            assert breakers.views()[0].state is BreakerState.OPEN
        assert len(counted.calls) == calls
        assert counted.trips == 1
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"
        assert breakers.views()[0].state is BreakerState.CLOSED

    @pytest.mark.parametrize("trouble", [OSError("the database is away"), KeyboardInterrupt()])
    def test_gives_back_where_the_block_ends_before_the_call(self, breakers, clock, trouble):
        trip(breakers)
        clock.now += 10
        with pytest.raises(type(trouble)), breakers.admit(NAME):
            raise trouble
        [view] = breakers.views()
        assert (view.state, view.retry_after_s) == (BreakerState.OPEN, 0)
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"

    def test_takes_no_trouble_after_the_call_for_the_providers(self, breakers):
        def record_in_vain() -> None:
            with breakers.admit(NAME) as admitted:
                admitted.call(good, is_failure=is_trouble)
                raise OSError("the database is away")

        for _ in range(20):
            with pytest.raises(OSError, match="database"):
                record_in_vain()
        [view] = breakers.views()
        assert (view.calls, view.failures) == (20, 0)

    def test_gives_back_a_place_of_a_paced_time(self, breakers, clock):
        trip(breakers)
        breakers.reset(NAME)
        for _ in range(20):
            with breakers.admit(NAME):
                pass
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"
        with pytest.raises(BreakerOpen):
            breakers.call(NAME, good, is_failure=is_trouble)

    def test_is_for_one_call_within_its_block(self, breakers, counted):
        with breakers.admit(NAME) as admitted:
            admitted.call(good, is_failure=is_trouble)
            with pytest.raises(RuntimeError, match="one call"):
                admitted.call(good, is_failure=is_trouble)
        with breakers.admit(NAME) as unused:
            pass
        with pytest.raises(RuntimeError, match="one call"):
            unused.call(good, is_failure=is_trouble)
        assert counted.calls == [False]

    def test_tells_what_became_of_the_call_when_the_block_ends(self, breakers, counted):
        with breakers.admit(NAME) as admitted:
            assert admitted.call(good, is_failure=is_trouble) == "answer"
            assert counted.calls == [], "whoever has the answer need not wait for that"
        assert counted.calls == [False]

    def test_holds_its_place_until_the_block_ends(self, breakers):
        with breakers.admit(NAME) as admitted, breakers.admit(NAME):
            admitted.call(good, is_failure=is_trouble)
            with pytest.raises(BulkheadFull):
                breakers.call(NAME, good, is_failure=is_trouble)
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"


class TestBulkhead:
    def test_refuses_one_call_too_many_at_once(self, breakers, counted):
        arrived, done = threading.Barrier(3), threading.Event()

        def hang():
            arrived.wait(10)
            done.wait(10)

        with ThreadPoolExecutor(2) as threads:
            out = [
                threads.submit(breakers.call, NAME, hang, is_failure=is_trouble) for _ in range(2)
            ]
            arrived.wait(10)
            with pytest.raises(BulkheadFull) as refusal:
                breakers.call(NAME, good, is_failure=is_trouble)
            assert breakers.call("stripe.refund", good, is_failure=is_trouble) == "answer"
            done.set()
            for one in out:
                one.result(10)
        assert refusal.value.retry_after_s == 0.5
        assert counted.refusals == ["bulkhead"]
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"

    def test_leaves_a_thread_to_others_while_one_provider_hangs_in_all_it_does(self):
        """With the numbers that a worker has by default."""
        own = {name: field.default for name, field in Settings.model_fields.items()}
        calls_max = own["provider_calls_max"]
        breakers = Breakers(policy=BreakerPolicy(calls_max=calls_max), chance=lambda: 0.0)
        # Lists are read by one drain, which is no job.
        jobs = [operation for operation in Operation if operation is not Operation.LIST]
        operations = [f"stripe.{operation}" for operation in jobs]
        arrived, done = threading.Barrier(len(operations) * calls_max + 1), threading.Event()

        def hang():
            arrived.wait(10)
            done.wait(10)

        def job(name: str, work: Callable[[], object]) -> object:
            try:
                return breakers.call(name, work, is_failure=is_trouble)
            except BulkheadFull:
                return "later"

        with ThreadPoolExecutor(own["money_concurrency"]) as threads:
            hanging = [
                threads.submit(job, name, hang) for name in operations for _ in range(calls_max)
            ]
            arrived.wait(10)
            # More of the same wait, and there is a place for another provider's.
            waiting = [threads.submit(job, name, hang) for name in operations * 20]
            other = threads.submit(job, "paypal.collect", good)
            assert other.result(10) == "answer"
            assert {one.result(10) for one in waiting} == {"later"}
            assert not any(one.done() for one in hanging)
            done.set()

    def test_gives_a_place_back_whatever_happened(self, breakers):
        trip(breakers)
        for _ in range(10):
            with pytest.raises(BreakerOpen):
                breakers.call(NAME, good, is_failure=is_trouble)


class TestReset:
    def test_closes_and_paces(self, breakers):
        trip(breakers)
        assert breakers.reset(NAME)
        [view] = breakers.views()
        assert (view.state, view.is_paced, view.shared) == (BreakerState.CLOSED, True, False)
        assert breakers.call(NAME, good, is_failure=is_trouble) == "answer"

    def test_says_that_it_was_closed(self, breakers):
        assert not breakers.reset(NAME)


class TestDeadline:
    def test_tells_what_is_left_and_then_that_it_is_over(self, clock):
        deadline = Deadline(5, now=clock)
        clock.now += 3
        assert deadline.left_s() == 2
        clock.now += 2
        with pytest.raises(DeadlinePassed):
            deadline.left_s()
