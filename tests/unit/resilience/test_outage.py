"""A provider is down for minutes, on a simulated clock: who is called meanwhile, and how after it.

Twenty jobs a second come in; workers take the oldest, and give back what was refused or failed.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable

import pytest

from tallystick.resilience import BreakerPolicy, BreakerState, rules
from tallystick.resilience.model import Memory, Outcome, Ticket

NORMAL = 20
WORKERS = 32
DOWN_AT, UP_AT, END = 60.0, 360.0, 1_060.0
#: Who is told to come back sooner waits in its place, as a worker's thread does.
IN_PLACE_S = 0.5
POLICY = BreakerPolicy()


class Street:
    """Workers, their queue and the provider; what happens happens in the order of time."""

    def __init__(self, answer_s: float, failure_s: float) -> None:
        self.took_s = {False: answer_s, True: failure_s}
        self.dice = random.Random(7)  # noqa: S311 - no secret
        self.memory = Memory()
        self.now = 0.0
        self.free = WORKERS
        self.ready = 0
        self.called: list[float] = []
        self.done: list[float] = []
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def run(self) -> None:
        """Let everything happen until the end."""
        for number in range(int(END * NORMAL)):
            self._at(number / NORMAL, self._arrive)
        while self._events and self._events[0][0] < END:
            self.now, _, event = heapq.heappop(self._events)
            event()
            while self.free and self.ready:
                self.ready -= 1
                self.free -= 1
                self._try()

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._numbers), event))

    def _arrive(self) -> None:
        self.ready += 1

    def _try(self) -> None:
        """Let a worker try a job."""
        memory = rules.trusted(self.memory, POLICY, now=self.now)
        found = rules.admit(memory, POLICY, now=self.now, chance=self.dice.random())
        self.memory = found.memory
        if found.ticket is not None:
            self._call(found.ticket)
        elif found.retry_after_s <= IN_PLACE_S:
            self._at(self.now + found.retry_after_s, self._try)
        else:
            self.free += 1
            self._at(self.now + found.retry_after_s, self._arrive)

    def _call(self, ticket: Ticket) -> None:
        self.called.append(self.now)
        is_failure = DOWN_AT <= self.now < UP_AT
        outcome = Outcome(is_failure, self.took_s[is_failure])
        self._at(self.now + outcome.took_s, lambda: self._end(ticket, outcome))

    def _end(self, ticket: Ticket, outcome: Outcome) -> None:
        self.free += 1
        memory = rules.trusted(self.memory, POLICY, now=self.now)
        self.memory = rules.settle(
            memory,
            POLICY,
            ticket=ticket,
            outcome=outcome,
            now=self.now,
            chance=self.dice.random(),
        )
        if outcome.is_failure:
            self._at(self.now + 1 + self.dice.random(), self._arrive)
        else:
            self.done.append(self.now)


@pytest.mark.parametrize(
    ("answer_s", "failure_s"),
    [
        pytest.param(0.02, 0.02, marks=pytest.mark.full),
        pytest.param(0.2, 0.01, marks=pytest.mark.full),
        pytest.param(0.1, 10.0, marks=pytest.mark.full),
    ],
    ids=str,
)
class TestOutage:
    def test_is_probed_sparsely_and_its_backlog_drains_at_twice_the_normal_rate(
        self, answer_s, failure_s
    ):
        street = Street(answer_s, failure_s)
        street.run()
        per_second = Counter(int(at) for at in street.called)
        # Half a minute to see it, then a probe now and then: 10, 20, 40, 60 s …
        assert sum(per_second[second] for second in range(130, 360)) <= 12
        # It is noticed at the next probe, and from then on no second has more than twice.
        back = next(at for at in street.called if at >= UP_AT)
        assert back < UP_AT + 61
        assert max(per_second[second] for second in range(int(UP_AT), int(END))) <= 2 * NORMAL + 1
        # What came in meanwhile is done, and the last minute is an ordinary one.
        assert len(street.done) >= (END - 5) * NORMAL
        last = [per_second[second] for second in range(int(END) - 60, int(END) - 2)]
        assert max(last) <= 1.2 * NORMAL
        assert street.memory.state is BreakerState.CLOSED
