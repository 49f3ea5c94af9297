"""Breakers: round every call to a provider, shared by the fleet, at home while the store is away.

The rules decide on what the fleet knows and the store swaps it, or is away: then the rules decide
on what this process knows, which began with the last that it saw of the fleet's. Nothing here
repeats a call, and nothing here can lose what a call has answered.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, TypeVar

import structlog

from tallystick import clock
from tallystick.resilience import rules
from tallystick.resilience.errors import BreakerOpen, BulkheadFull
from tallystick.resilience.model import (
    Admission,
    BreakerPolicy,
    BreakerState,
    BreakerView,
    Memory,
    Outcome,
    Ticket,
)
from tallystick.resilience.shared import Kept, Meter, Shared, Silent

__all__ = ["Admitted", "Breakers"]

log: Final = structlog.get_logger(__name__)

_Answer = TypeVar("_Answer")
_Step = TypeVar("_Step")
_NAME: Final = re.compile(r"[a-z][a-z0-9_.]{1,60}")
#: Each time somebody else was faster; so many in a row are a crowd.
_TRIES_MAX: Final = 24
#: A store that is slow is not asked again and again: a call waits no longer for its leave.
_TRIES_S: Final = 0.3
#: Seconds after which to ask again where the crowd, or the bulkhead, was in the way.
_CROWD_S: Final = 0.1
_BULKHEAD_S: Final = 0.5
_NO_POLICIES: Final[Mapping[str, BreakerPolicy]] = MappingProxyType({})


class Breakers:
    """The breakers of a process, by the name of the operation that they guard; for all threads."""

    def __init__(
        self,
        *,
        policy: BreakerPolicy,
        chance: Callable[[], float],
        shared: Shared | None = None,
        meter: Meter | None = None,
        policies: Mapping[str, BreakerPolicy] = _NO_POLICIES,
        now: Callable[[], float] = clock.start,
    ) -> None:
        """Know no breaker yet. `policies` are those of operations with one of their own.

        `chance` draws from 0 to 1, and `now` gives monotonic seconds.
        """
        self._policy: Final = policy
        self._policies: Final = policies
        self._chance: Final = chance
        self._shared: Final = shared
        self._meter: Final[Meter] = meter or Silent()
        self._now: Final = now
        self._homes: Final[dict[str, _Home]] = {}
        self._lock: Final = threading.Lock()

    @contextmanager
    def admit(self, name: str) -> Iterator[Admitted]:
        """Give the leave for one call, and hold the bulkhead's place until the block ends.

        `name` is an operation, as `stripe.collect`. A leave that the block did not use is given
        back: it says nothing of the provider, and whoever asks next may call in its place. What
        became of a call is told when the block ends: the answer may be recorded first. Raises
        BreakerOpen and BulkheadFull before the block begins, and ValueError for a name that is
        none.
        """
        home = self._home(name)
        with self._place(home):
            ticket = self._admit(home)
            admitted = Admitted(self._now)
            try:
                yield admitted
            finally:
                if admitted.end():
                    self._give_back(home, ticket)
                elif admitted.outcome is not None:
                    self._settle(home, ticket, admitted.outcome)

    def call(
        self, name: str, work: Callable[[], _Answer], *, is_failure: Callable[[BaseException], bool]
    ) -> _Answer:
        """Do the work, or refuse it before it begins; return or raise what it does.

        `name` and `is_failure` are those of `admit` and of `Admitted.call`. Raises BreakerOpen,
        BulkheadFull and ValueError as `admit` does, before the work is called.
        """
        with self.admit(name) as admitted:
            return admitted.call(work, is_failure=is_failure)

    def views(self) -> list[BreakerView]:
        """Return every breaker that the fleet or this process knows, by name."""
        kept_of = None if self._shared is None else self._shared.read_all()
        return self._views(kept_of)

    def fleet_views(self) -> list[BreakerView] | None:
        """Return every breaker that the fleet knows; None while its store is away."""
        kept_of = None if self._shared is None else self._shared.read_all()
        return None if kept_of is None else self._views(kept_of)

    def reset(self, name: str) -> bool:
        """Close the breaker for the whole fleet; return False where it was closed, or is unknown.

        Calls are paced afterwards as they are after a good probe. While the store is away, this
        process's breaker alone is reset.
        """
        home = self._home(name)

        def close(memory: Memory, now: float) -> tuple[Memory, bool]:
            if memory.state is BreakerState.CLOSED:
                return memory, False
            return rules.reset(memory, home.policy, now=now), True

        done = self._step(home, close)
        if done:
            log.warning("breaker_reset_by_hand", breaker=name)
        return bool(done)

    def _home(self, name: str) -> _Home:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:70]!r} names no operation: write it as stripe.collect.")
        with self._lock:
            home = self._homes.get(name)
            if home is None:
                policy = self._policies.get(name, self._policy)
                home = self._homes[name] = _Home(name, policy)
            return home

    @contextmanager
    def _place(self, home: _Home) -> Iterator[None]:
        """Hold one of the operation's places; raise BulkheadFull where there is none."""
        if not home.places.acquire(blocking=False):
            self._meter.refused(home.name, "bulkhead")
            raise BulkheadFull(home.name, _BULKHEAD_S * (1 + self._chance()))
        try:
            yield
        finally:
            home.places.release()

    def _admit(self, home: _Home) -> Ticket:
        """Return the ticket of one call; raise BreakerOpen."""

        def ask(memory: Memory, now: float) -> tuple[Memory, Admission]:
            found = rules.admit(memory, home.policy, now=now, chance=self._chance())
            return found.memory, found

        admission = self._step(home, ask)
        if admission is None or admission.ticket is None:
            self._meter.refused(home.name, "open")
            wait_s = _CROWD_S if admission is None else admission.retry_after_s
            raise BreakerOpen(home.name, wait_s)
        if admission.ticket.is_probe:
            log.info("breaker_probes", breaker=home.name)
        return admission.ticket

    def _settle(self, home: _Home, ticket: Ticket, outcome: Outcome) -> None:
        """Tell the fleet what became of a call. It raises nothing: the call has its answer."""

        def tell(memory: Memory, now: float) -> tuple[Memory, tuple[BreakerState, BreakerState]]:
            after = rules.settle(
                memory,
                home.policy,
                ticket=ticket,
                outcome=outcome,
                now=now,
                chance=self._chance(),
            )
            return after, (memory.state, after.state)

        try:
            self._meter.called(home.name, is_failure=outcome.is_failure, seconds=outcome.took_s)
            moved = self._step(home, tell)
            if moved is not None:
                self._announce(home, *moved)
        except Exception:
            log.exception("breaker_outcome_lost", breaker=home.name)

    def _give_back(self, home: _Home, ticket: Ticket) -> None:
        """Tell the fleet that no call was made. It raises nothing: the block has its own end."""

        def tell(memory: Memory, now: float) -> tuple[Memory, None]:
            return rules.give_back(memory, ticket=ticket, now=now), None

        try:
            self._step(home, tell)
        except Exception:
            log.exception("breaker_leave_lost", breaker=home.name)

    def _announce(self, home: _Home, before: BreakerState, after: BreakerState) -> None:
        if before is after:
            return
        log.warning("breaker_moved", breaker=home.name, before=before, after=after)
        if before is BreakerState.CLOSED:
            self._meter.tripped(home.name)

    def _step(
        self, home: _Home, change: Callable[[Memory, float], tuple[Memory, _Step]]
    ) -> _Step | None:
        """Change what the fleet knows, or what this process knows while the store is away.

        Returns what `change` gives beside the memory; None where a crowd was in the way each time.
        """
        begun_at = self._now()
        for _ in range(_TRIES_MAX):
            if self._now() - begun_at > _TRIES_S:
                break
            kept = None if self._shared is None else self._shared.read(home.name)
            if kept is None:
                return self._step_at_home(home, change)
            must_mend = home.knows_more(kept) or _is_ahead(kept)
            base = home.known(kept, self._now())
            memory, step = change(base, kept.now)
            is_swapped: bool | None = True
            # Also where this step changes nothing, what the store has lost is put back, and the
            # moments of a clock that was put back: they would move ahead of it at each reading.
            if memory is not base or must_mend:
                assert self._shared is not None
                is_swapped = self._shared.swap(home.name, kept, memory)
            if is_swapped is None:
                return self._step_at_home(home, change)
            if is_swapped:
                home.learn(memory, shift_s=self._now() - kept.now)
                self._meter.state(home.name, is_open=memory.state is not BreakerState.CLOSED)
                return step
        return None

    def _step_at_home(
        self, home: _Home, change: Callable[[Memory, float], tuple[Memory, _Step]]
    ) -> _Step:
        with home.lock:
            now = self._now()
            base = rules.trusted(home.memory, home.policy, now=now)
            home.memory, step = change(base, now)
        self._meter.state(home.name, is_open=home.memory.state is not BreakerState.CLOSED)
        return step

    def _views(self, kept_of: Mapping[str, Kept] | None) -> list[BreakerView]:
        with self._lock:
            names = sorted({*self._homes, *(kept_of or ())})
        homes = [self._home(name) for name in names if _NAME.fullmatch(name)]
        return [self._view(home, kept_of) for home in homes]

    def _view(self, home: _Home, kept_of: Mapping[str, Kept] | None) -> BreakerView:
        kept = None if kept_of is None else kept_of.get(home.name)
        if kept is None:
            now = self._now()
            memory = rules.trusted(home.memory, home.policy, now=now)
        else:
            now = kept.now
            memory = home.known(kept, self._now())
        self._meter.state(home.name, is_open=memory.state is not BreakerState.CLOSED)
        is_shared = kept_of is not None
        return rules.view(memory, home.policy, name=home.name, now=now, shared=is_shared)


def _is_ahead(kept: Kept) -> bool:
    return kept.memory is not None and kept.memory.touched_at > kept.now


class Admitted:
    """The leave to make one call."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Begin unused; `now` gives monotonic seconds."""
        self._now: Final = now
        self._is_over = False
        #: What became of the call, once it is over.
        self.outcome: Outcome | None = None

    def call(
        self, work: Callable[[], _Answer], *, is_failure: Callable[[BaseException], bool]
    ) -> _Answer:
        """Do the work, once, and return or raise what it does; its time alone is the call's.

        `is_failure` tells which exceptions speak against the provider: its refusal of a card is a
        healthy answer. Raises RuntimeError, and does nothing, where the leave was used or is over.
        """
        if self._is_over:
            raise RuntimeError("A leave is for one call, and for the time of its block.")
        self._is_over = True
        begun_at = self._now()
        try:
            answer = work()
        except Exception as trouble:
            took_s = self._now() - begun_at
            self.outcome = Outcome(is_failure(trouble), took_s)
            raise
        # What is no Exception, such as Ctrl-C, says nothing of the provider: nothing is
        # told of it, and where it was the probe, its lease runs out.
        took_s = self._now() - begun_at
        self.outcome = Outcome(is_failure=False, took_s=took_s)
        return answer

    def end(self) -> bool:
        """Let no call be made from now on; return whether the leave is left over."""
        is_left, self._is_over = not self._is_over, True
        return is_left


class _Home:
    """What this process knows of one breaker, on its own clock; and the operation's places."""

    def __init__(self, name: str, policy: BreakerPolicy) -> None:
        self.name: Final = name
        self.policy: Final = policy
        self.places: Final = threading.BoundedSemaphore(policy.calls_max)
        self.lock: Final = threading.Lock()
        self.memory = Memory()
        #: The latest turn that was seen in the store.
        self._seen_turn: int | None = None

    def knows_more(self, kept: Kept) -> bool:
        """Return whether the store has lost what this process has seen in it."""
        if self._seen_turn is None:
            return False
        return kept.memory is None or rules.is_before(kept.memory.turn, self._seen_turn)

    def known(self, kept: Kept, now: float) -> Memory:
        """Return what is to be believed, on the store's clock: the store, or what it has lost.

        What the store says is remembered at once: it may be gone at the next word.
        """
        if kept.memory is None or self.knows_more(kept):
            with self.lock:
                own = rules.shifted(self.memory, kept.now - now)
            return rules.trusted(own, self.policy, now=kept.now)
        memory = rules.trusted(kept.memory, self.policy, now=kept.now)
        self.learn(memory, shift_s=now - kept.now)
        return memory

    def learn(self, memory: Memory, *, shift_s: float) -> None:
        """Remember what the store holds now, on this process's clock."""
        with self.lock:
            # Another thread may have seen later news meanwhile.
            seen = self._seen_turn
            if seen is None or not rules.is_before(memory.turn, seen):
                self.memory = rules.shifted(memory, shift_s)
                self._seen_turn = memory.turn
