"""The breaker's laws, under any calls at any moments: a small second model, and a state machine."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tallystick.resilience import BreakerPolicy, BreakerState, rules
from tallystick.resilience.fleet import texts
from tallystick.resilience.model import Memory, Outcome, Ticket

POLICY = BreakerPolicy()
GOOD = Outcome(is_failure=False, took_s=0.1)
BAD = Outcome(is_failure=True, took_s=0.1)
SLOW = Outcome(is_failure=False, took_s=POLICY.slow_call_s)
START = 1_000_000.0


def told(memory: Memory, outcome: Outcome, now: float, policy: BreakerPolicy = POLICY) -> Memory:
    """Return the memory after a call of the same turn."""
    ticket = Ticket(memory.turn, is_probe=memory.state is BreakerState.HALF_OPEN)
    memory = rules.trusted(memory, policy, now=now)
    return rules.settle(memory, policy, ticket=ticket, outcome=outcome, now=now, chance=0.0)


def opened(now: float = START, policy: BreakerPolicy = POLICY) -> Memory:
    memory = Memory(touched_at=now)
    for _ in range(policy.volume_min):
        memory = told(memory, BAD, now, policy)
    assert memory.state is BreakerState.OPEN
    return memory


def asked(memory: Memory, now: float, policy: BreakerPolicy = POLICY) -> rules.Admission:
    memory = rules.trusted(memory, policy, now=now)
    return rules.admit(memory, policy, now=now, chance=0.0)


class TestWindow:
    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.tuples(st.floats(0, 3), st.sampled_from([GOOD, GOOD, BAD, SLOW])), max_size=120)
    )
    def test_counts_the_calls_of_its_time_and_trips_by_their_shares(self, calls):
        """A bucket is dropped whole, so a call counts for nine to ten tenths of the window."""
        memory, now, seen = Memory(touched_at=START), START, []
        for pause_s, outcome in calls:
            now += pause_s
            before = memory
            memory = told(memory, outcome, now)
            seen.append((now, outcome))
            if memory.state is BreakerState.OPEN:
                counted = [one for at, one in seen if at > now - POLICY.window_s]
                assert len(counted) >= POLICY.volume_min
                assert before.state is BreakerState.CLOSED
                return
            sure = [one for at, one in seen if at > now - 0.9 * POLICY.window_s]
            most = [one for at, one in seen if at > now - POLICY.window_s]
            view = rules.view(memory, POLICY, name="a.b", now=now, shared=True)
            assert len(sure) <= view.calls <= len(most)
            bad = [one for one in most if one.is_failure]
            assert sum(one.is_failure for one in sure) <= view.failures <= len(bad)
            if view.calls >= POLICY.volume_min:
                assert view.failures < POLICY.error_rate * view.calls
                assert view.slow < POLICY.slow_rate * view.calls
            assert len(memory.buckets) <= 11

    def test_says_nothing_below_the_least_volume(self):
        memory = Memory(touched_at=START)
        for at in range(POLICY.volume_min - 1):
            memory = told(memory, BAD, START + at)
            assert memory.state is BreakerState.CLOSED
        assert told(memory, BAD, START + 9).state is BreakerState.OPEN

    def test_forgets_what_is_older(self):
        memory = Memory(touched_at=START)
        for at in range(100):
            # One in four seconds: never ten of them in thirty.
            memory = told(memory, BAD, START + 4 * at)
        assert memory.state is BreakerState.CLOSED

    def test_trips_at_the_share_and_not_below(self):
        policy = replace(POLICY, volume_min=20)
        for bad, state in ((9, BreakerState.CLOSED), (10, BreakerState.OPEN)):
            memory = Memory(touched_at=START)
            for at in range(20):
                outcome = BAD if at >= 20 - bad else GOOD
                memory = told(memory, outcome, START, policy)
            assert memory.state is state

    def test_trips_by_slow_calls_alone(self):
        memory = Memory(touched_at=START)
        for _ in range(POLICY.volume_min):
            memory = told(memory, SLOW, START)
        assert memory.state is BreakerState.OPEN


class TestProbe:
    def test_goes_alone_and_only_after_the_time(self):
        memory = opened()
        assert asked(memory, START + 9.9).ticket is None
        first = asked(memory, START + 10)
        assert first.ticket == Ticket(memory.turn + 1, is_probe=True)
        assert asked(first.memory, START + 10).ticket is None

    def test_closes_when_good_alone(self):
        out = asked(opened(), START + 10).memory
        assert told(out, GOOD, START + 11).state is BreakerState.CLOSED
        assert told(out, BAD, START + 11).state is BreakerState.OPEN
        assert told(out, SLOW, START + 16).state is BreakerState.OPEN

    def test_that_says_nothing_is_followed_by_another(self):
        out = asked(opened(), START + 10)
        later = asked(out.memory, START + 20)
        assert later.ticket is not None
        assert later.ticket.is_probe
        # The first one's late word changes nothing.
        late = rules.settle(
            later.memory, POLICY, ticket=out.ticket, outcome=GOOD, now=START + 21, chance=0.0
        )
        assert late is later.memory

    def test_that_was_not_used_is_the_next_ones_at_once(self):
        out = asked(opened(), START + 10)
        bad = told(out.memory, BAD, START + 10)
        out = asked(bad, START + 30)
        back = rules.give_back(out.memory, ticket=out.ticket, now=START + 31)
        assert (back.state, back.streak, back.tripped_at) == (BreakerState.OPEN, 1, START)
        assert rules.give_back(back, ticket=out.ticket, now=START + 31) is back
        again = asked(back, START + 31)
        assert again.ticket.is_probe
        assert asked(again.memory, START + 31).ticket is None
        # The first one's word, and the first one's return, are of a time that is over.
        assert rules.give_back(again.memory, ticket=out.ticket, now=START + 31) is again.memory
        # The provider has not been bad more often: its time is doubled once and not twice.
        assert told(again.memory, BAD, START + 31).until == START + 31 + 40

    def test_that_hangs_is_given_ever_longer(self):
        """A call may take longer than the first lease: its verdict must come in one at last."""
        memory, now, leases = opened(), START + 10, []
        for _ in range(5):
            memory = asked(memory, now).memory
            leases.append(memory.until - now)
            now = memory.until
        assert leases == [10, 20, 40, 60, 60]

    def test_waits_twice_as_long_after_each_bad_one_up_to_the_cap(self):
        memory, now, waits = opened(), START, []
        for _ in range(5):
            waits.append(memory.until - now)
            now = memory.until
            memory = told(asked(memory, now).memory, BAD, now)
        assert waits == [10, 20, 40, 60, 60]

    def test_waits_shorter_by_chance_and_never_longer(self):
        memory = Memory(touched_at=START)
        for _ in range(9):
            memory = told(memory, BAD, START)
        ticket = Ticket(0, is_probe=False)
        waits = [
            rules.settle(memory, POLICY, ticket=ticket, outcome=BAD, now=START, chance=chance).until
            for chance in (0.0, 0.5, 1.0)
        ]
        assert waits == [START + 10, START + 9, START + 8]


class TestPacing:
    def closed_after(self, rate: float) -> tuple[Memory, float]:
        """Return a memory that closed after trouble, and the moment."""
        memory, now, calls = Memory(touched_at=START), START, 0
        while memory.state is BreakerState.CLOSED:
            calls += 1
            now += 1 / rate
            memory = told(memory, GOOD if calls <= 30 * rate else BAD, now)
        assert memory.state is BreakerState.OPEN
        out = asked(memory, memory.until)
        return told(out.memory, GOOD, memory.until), memory.until

    def test_lets_out_at_most_twice_as_many_as_before_the_trip(self):
        memory, now = self.closed_after(rate=10.0)
        begun, gone = now, []
        while now < begun + 60:
            found = asked(memory, now)
            memory = found.memory
            if found.ticket:
                gone.append(now)
                memory = told(memory, GOOD, now)
            now += 0.01
        for second in range(60):
            within = [at for at in gone if begun + second <= at < begun + second + 1]
            assert 15 <= len(within) <= 21, second

    def test_says_when_the_next_may_go(self):
        memory, now = self.closed_after(rate=10.0)
        first = asked(memory, now)
        refused = asked(first.memory, now)
        assert refused.ticket is None
        assert 0 < refused.retry_after_s < 0.06
        assert asked(first.memory, now + refused.retry_after_s).ticket is not None

    def test_takes_back_what_was_not_used(self):
        memory = rules.reset(replace(opened(), rate=0.0), POLICY, now=START + 10)
        first = asked(memory, START + 10)
        assert asked(first.memory, START + 10.5).ticket is None
        back = rules.give_back(first.memory, ticket=first.ticket, now=START + 10.5)
        second = asked(back, START + 10.5)
        assert second.ticket is not None
        # In its place, and not beside it.
        assert asked(second.memory, START + 11.4).ticket is None

    def test_ends_once_the_backlog_can_be_gone(self):
        memory, now = self.closed_after(rate=10.0)
        after = asked(asked(memory, now + 61).memory, now + 61)
        assert after.ticket is not None
        assert after.memory.paced_until <= now + 61

    def test_never_chokes_a_quiet_house(self):
        policy = replace(POLICY, volume_min=1)
        memory = rules.reset(opened(policy=policy), policy, now=START + 10)
        found = asked(memory, START + 10)
        assert asked(found.memory, START + 11).ticket is not None


@st.composite
def memories(draw):
    """Make any memory that a store could hold, sense or not."""
    number = st.floats(-1e15, 1e15)
    bucket = st.builds(
        rules.Bucket, number, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)
    )
    return Memory(
        state=draw(st.sampled_from(BreakerState)),
        turn=draw(st.integers(0, 2**53)),
        touched_at=draw(number),
        buckets=tuple(draw(st.lists(bucket, max_size=12))),
        until=draw(number),
        tripped_at=draw(number),
        streak=draw(st.integers(0, 2**53)),
        rate=draw(st.floats(0, 1e15)),
        paced_until=draw(number),
        next_at=draw(number),
    )


class TestTrusted:
    @settings(max_examples=300, deadline=None)
    @given(memories(), st.floats(0, 1e10), st.floats(0, 1))
    def test_lets_a_call_out_in_time_whatever_was_kept(self, memory, now, chance):
        found = rules.trusted(memory, POLICY, now=now)
        admission = rules.admit(found, POLICY, now=now, chance=chance)
        assert 0 <= admission.retry_after_s <= 1.1 * POLICY.open_for_max_s + 1
        later = now + admission.retry_after_s + 0.001
        again = rules.trusted(admission.memory, POLICY, now=later)
        assert admission.ticket or rules.admit(again, POLICY, now=later, chance=chance).ticket

    @settings(max_examples=300, deadline=None)
    @given(memories())
    def test_is_written_and_read_as_it_is(self, memory):
        assert texts.read(texts.write(memory)) == memory

    @given(st.integers(0, 2**53), st.integers(0, 2**53))
    def test_goes_on_from_any_turn(self, turn, other):
        """A turn at its end is followed by one that can be kept, and that is later."""
        memory = replace(opened(), turn=turn)
        out = asked(memory, START + 10).memory
        assert texts.read(texts.write(out)) == out
        assert rules.is_before(turn, out.turn)
        assert not rules.is_before(out.turn, turn)
        assert not (rules.is_before(turn, other) and rules.is_before(other, turn))

    def test_follows_a_clock_that_is_put_back(self):
        memory = opened()
        back = START - 3_600
        assert asked(memory, back).ticket is None
        assert rules.trusted(memory, POLICY, now=back).until == back + 10
        assert asked(memory, back).retry_after_s == 10


class Fleet(RuleBasedStateMachine):
    """Calls in flight, moments that pass, processes that die: what must hold at every moment."""

    policy = BreakerPolicy(volume_min=3, open_for_s=10, open_for_max_s=40, probe_lease_s=10)

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.memory = Memory(touched_at=START)
        self.out: list[Ticket] = []
        self.last_probe_at: float | None = None
        self.last_probe_lease_s = 0.0
        self.dead_since: float | None = None

    def trusted(self) -> Memory:
        return rules.trusted(self.memory, self.policy, now=self.now)

    @rule(chance=st.floats(0, 1))
    def ask(self, chance):
        before = self.memory
        found = rules.admit(self.trusted(), self.policy, now=self.now, chance=chance)
        self.memory = found.memory
        if found.ticket is None:
            assert found.retry_after_s > 0
            return
        self.out.append(found.ticket)
        if not found.ticket.is_probe:
            assert before.state is BreakerState.CLOSED
            return
        assert before.state is not BreakerState.CLOSED
        assert self.now >= before.until
        if self.last_probe_at is not None and before.state is BreakerState.HALF_OPEN:
            assert self.now - self.last_probe_at >= self.policy.probe_lease_s
        self.last_probe_at = self.now

    @precondition(lambda self: self.out)
    @rule(data=st.data(), outcome=st.sampled_from([GOOD, BAD, SLOW]), chance=st.floats(0, 1))
    def tell(self, data, outcome, chance):
        ticket = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.trusted()
        self.memory = rules.settle(
            before, self.policy, ticket=ticket, outcome=outcome, now=self.now, chance=chance
        )
        is_closing = (
            before.state is not BreakerState.CLOSED and self.memory.state is BreakerState.CLOSED
        )
        if is_closing:
            assert ticket == Ticket(before.turn, is_probe=True)
            assert outcome is GOOD

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def give_back(self, data):
        ticket = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
        before = self.trusted()
        self.memory = rules.give_back(before, ticket=ticket, now=self.now)
        assert self.memory.streak == before.streak
        assert self.memory.buckets == before.buckets
        is_closed = self.memory.state is BreakerState.CLOSED
        assert is_closed == (before.state is BreakerState.CLOSED)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def kill(self, data):
        """A process dies: nobody ever tells what became of its call."""
        self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))

    @rule(seconds=st.one_of(st.floats(0, 1), st.floats(0, 60)))
    def wait(self, seconds):
        self.now += seconds

    @rule()
    def put_the_clock_back(self):
        self.now -= 3_600
        self.last_probe_at = None

    @rule()
    def wait_for_the_lease(self):
        self.now = max(self.now, self.memory.until)

    @invariant()
    def is_never_stuck(self):
        # Whoever looks keeps what it has put right.
        self.memory = self.trusted()
        wait_s = self.memory.until - self.now
        if self.memory.state is not BreakerState.CLOSED:
            assert wait_s <= self.policy.open_for_max_s
            late = self.now + max(0.0, wait_s)
            memory = rules.trusted(self.memory, self.policy, now=late)
            found = rules.admit(memory, self.policy, now=late, chance=0.0)
            assert found.ticket is not None
            assert found.ticket.is_probe

    @invariant()
    def changes_no_turn_without_a_change(self):
        assert self.memory.turn >= 0
        assert len(self.memory.buckets) <= 11


TestFleet = Fleet.TestCase
TestFleet.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
