"""The breaker's rules: who may call, when it trips, how it comes back. Pure.

closed ─(too many failures or slow calls)─▶ open ─(its time is over)─▶ half open, one probe out
closed ◀─(the probe was good)─ half open ─(it was not, or said nothing in its lease)─▶ open, longer

It stores nothing and reads no clock: whoever asks brings the moment and the dice.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tallystick.resilience.model import (
    Admission,
    BreakerPolicy,
    BreakerState,
    BreakerView,
    Bucket,
    Memory,
    Outcome,
    Ticket,
)

__all__ = [
    "FORGOTTEN_AFTER_S",
    "admit",
    "give_back",
    "is_before",
    "is_good",
    "reset",
    "settle",
    "shifted",
    "trusted",
    "view",
]

#: What nobody has touched for so long says nothing of now.
FORGOTTEN_AFTER_S: Final = 3_600.0
#: Into how many buckets a window is cut.
_BUCKETS: Final = 10
#: Doubling ends here, so that no number grows without end.
_STREAK_MAX: Final = 16
#: How much of what is usual the last bucket decides.
_LEARNT: Final = 0.3
#: Turns are counted in a ring of so many, so that no turn is the last one.
_TURNS: Final = 2**53
#: Calls are paced for so many times as long as the trouble was, until the backlog is gone.
_PACED_TIMES: Final = 2.0


def admit(memory: Memory, policy: BreakerPolicy, *, now: float, chance: float) -> Admission:
    """Return whether a call may go out at `now`; `memory` must be `trusted` at that moment.

    `chance`, from 0 to 1, spreads the moments at which those who are refused come back.
    """
    match memory.state:
        case BreakerState.CLOSED:
            return _paced(memory, policy, now)
        case BreakerState.OPEN if now < memory.until:
            return Admission(memory, None, _later(memory.until - now, chance))
        case BreakerState.HALF_OPEN if now < memory.until:
            return Admission(memory, None, _later(memory.until - now, chance))
        case BreakerState.HALF_OPEN:
            # The last probe said nothing in its time: it was not good.
            return _probe(memory, policy, now, streak=memory.streak + 1)
    return _probe(memory, policy, now, streak=memory.streak)


def settle(
    memory: Memory,
    policy: BreakerPolicy,
    *,
    ticket: Ticket,
    outcome: Outcome,
    now: float,
    chance: float,
) -> Memory:
    """Return the memory after a call's outcome; `chance` draws the jitter of an opening.

    A call that was let out in another turn changes nothing: it speaks of a time that is over.
    """
    if _is_past(memory, ticket):
        return memory
    if ticket.is_probe and is_good(outcome, policy):
        return reset(memory, policy, now=now)
    if ticket.is_probe:
        return _opened(memory, policy, now, chance, streak=memory.streak + 1)
    counted = _counted(memory, policy, outcome, now)
    if not _trips(counted.buckets, policy):
        return counted
    rate = counted.rate or _rate(counted.buckets, policy)
    fresh = replace(counted, buckets=(), rate=rate, tripped_at=now)
    return _opened(fresh, policy, now, chance, streak=0)


def give_back(memory: Memory, *, ticket: Ticket, now: float) -> Memory:
    """Return the memory after a ticket that no call was made with: the next may have it at once.

    It says nothing of the provider, neither good nor bad. A ticket of another turn changes
    nothing: a probe whose lease is over may have been followed by another.
    """
    if _is_past(memory, ticket):
        return memory
    if ticket.is_probe:
        return replace(
            memory, state=BreakerState.OPEN, turn=_next(memory.turn), until=now, touched_at=now
        )
    if now >= memory.paced_until:
        return memory
    return replace(memory, next_at=min(memory.next_at, now), touched_at=now)


def is_before(turn: int, other: int) -> bool:
    """Return whether a turn is an earlier one: the shorter way round the ring leads to `other`."""
    return 0 < (other - turn) % _TURNS < _TURNS // 2


def is_good(outcome: Outcome, policy: BreakerPolicy) -> bool:
    """Return whether the call was neither a failure nor slow."""
    return not outcome.is_failure and outcome.took_s < policy.slow_call_s


def reset(memory: Memory, policy: BreakerPolicy, *, now: float) -> Memory:
    """Return the memory closed, with an empty window, and its calls paced for a while."""
    trouble_s = max(now - memory.tripped_at, policy.window_s)
    return Memory(
        turn=_next(memory.turn),
        touched_at=now,
        rate=memory.rate,
        paced_until=now + min(_PACED_TIMES * trouble_s, FORGOTTEN_AFTER_S),
        next_at=now,
    )


def trusted(memory: Memory | None, policy: BreakerPolicy, *, now: float) -> Memory:
    """Return the memory as it can be believed at `now`; a fresh one for what is forgotten.

    A clock that was put back moves all its moments with it, and nothing lies further ahead
    than this policy can have put it: nobody stays open for ever by a wrong number.
    """
    if memory is None or now - memory.touched_at > FORGOTTEN_AFTER_S:
        return Memory(turn=0 if memory is None else memory.turn, touched_at=now)
    kept = shifted(memory, min(0.0, now - memory.touched_at))
    return replace(
        kept,
        streak=min(kept.streak, _STREAK_MAX),
        until=min(kept.until, now + max(policy.open_for_max_s, policy.probe_lease_s)),
        tripped_at=min(kept.tripped_at, now),
        paced_until=min(kept.paced_until, now + FORGOTTEN_AFTER_S),
        next_at=min(kept.next_at, now + 1 / _pace(kept, policy)),
        buckets=_recent(kept.buckets, policy, now),
    )


def shifted(memory: Memory, by_s: float) -> Memory:
    """Return the memory with all its moments moved, as from one clock to another."""
    if not by_s:
        return memory
    return replace(
        memory,
        touched_at=memory.touched_at + by_s,
        until=memory.until + by_s,
        tripped_at=memory.tripped_at + by_s,
        paced_until=memory.paced_until + by_s,
        next_at=memory.next_at + by_s,
        buckets=tuple(
            replace(bucket, begun_at=bucket.begun_at + by_s) for bucket in memory.buckets
        ),
    )


def view(
    memory: Memory, policy: BreakerPolicy, *, name: str, now: float, shared: bool
) -> BreakerView:
    """Return what an operator sees of it at `now`; `memory` must be `trusted` at that moment."""
    buckets = _recent(memory.buckets, policy, now)
    is_closed = memory.state is BreakerState.CLOSED
    return BreakerView(
        name=name,
        state=memory.state,
        failures=sum(bucket.failures for bucket in buckets),
        slow=sum(bucket.slow for bucket in buckets),
        calls=sum(bucket.calls for bucket in buckets),
        opened_ago_s=None if is_closed else now - memory.tripped_at,
        retry_after_s=0.0 if is_closed else max(0.0, memory.until - now),
        is_paced=is_closed and now < memory.paced_until,
        shared=shared,
    )


def _next(turn: int) -> int:
    return (turn + 1) % _TURNS


def _is_past(memory: Memory, ticket: Ticket) -> bool:
    """Return whether the ticket is of another turn than this one.

    So is one whose kind does not fit: turns counted by different processes may be the same.
    """
    is_closed = memory.state is BreakerState.CLOSED
    return ticket.turn != memory.turn or ticket.is_probe == is_closed


def _later(wait_s: float, chance: float) -> float:
    """Return the wait, up to a tenth longer, so that those who wait do not come back at once."""
    return wait_s * (1 + chance / 10)


def _paced(memory: Memory, policy: BreakerPolicy, now: float) -> Admission:
    ticket = Ticket(memory.turn, is_probe=False)
    if now >= memory.paced_until:
        return Admission(memory, ticket)
    if now < memory.next_at:
        return Admission(memory, None, memory.next_at - now)
    # From now and not from the last call's moment: what was not used is not made up for.
    spent = replace(memory, next_at=now + 1 / _pace(memory, policy), touched_at=now)
    return Admission(spent, ticket)


def _pace(memory: Memory, policy: BreakerPolicy) -> float:
    """Return how many calls a second may go out after a reset."""
    return max(memory.rate * policy.pace_factor, policy.pace_rate_min)


def _probe(memory: Memory, policy: BreakerPolicy, now: float, *, streak: int) -> Admission:
    # As long as it would be open: a provider that hangs is asked ever less often, too.
    lease_s = max(policy.probe_lease_s, _open_for_s(policy, streak))
    turn = _next(memory.turn)
    out = replace(
        memory,
        state=BreakerState.HALF_OPEN,
        turn=turn,
        until=now + lease_s,
        streak=min(streak, _STREAK_MAX),
        touched_at=now,
    )
    return Admission(out, Ticket(turn, is_probe=True))


def _opened(
    memory: Memory, policy: BreakerPolicy, now: float, chance: float, *, streak: int
) -> Memory:
    wait_s = _open_for_s(policy, streak) * (1 - policy.jitter * chance)
    return replace(
        memory,
        state=BreakerState.OPEN,
        turn=_next(memory.turn),
        until=now + wait_s,
        streak=min(streak, _STREAK_MAX),
        touched_at=now,
    )


def _open_for_s(policy: BreakerPolicy, streak: int) -> float:
    return min(policy.open_for_s * 2.0 ** min(streak, _STREAK_MAX), policy.open_for_max_s)


def _recent(buckets: tuple[Bucket, ...], policy: BreakerPolicy, now: float) -> tuple[Bucket, ...]:
    return tuple(bucket for bucket in buckets if bucket.begun_at > now - policy.window_s)


def _counted(memory: Memory, policy: BreakerPolicy, outcome: Outcome, now: float) -> Memory:
    """Return the memory with one more call in its window."""
    rate = memory.rate
    *older, last = _recent(memory.buckets, policy, now) or (Bucket(now),)
    if now >= last.begun_at + policy.window_s / _BUCKETS:
        rate = _learned(memory, policy, last)
        older, last = [*older, last], Bucket(now)
    one_more = Bucket(
        last.begun_at,
        calls=last.calls + 1,
        failures=last.failures + outcome.is_failure,
        slow=last.slow + (outcome.took_s >= policy.slow_call_s),
    )
    return replace(memory, buckets=(*older, one_more), rate=rate, touched_at=now)


def _learned(memory: Memory, policy: BreakerPolicy, bucket: Bucket) -> float:
    """Return the usual calls a second, with what a whole bucket says of them.

    Trouble says nothing: then there are fewer calls, because they hang, or more, because all
    repeat. A paced time says nothing either, or twice as many would become the usual.
    """
    if _is_bad((bucket,), policy) or bucket.begun_at < memory.paced_until:
        return memory.rate
    rate = _rate((bucket,), policy)
    return memory.rate + _LEARNT * (rate - memory.rate) if memory.rate else rate


def _trips(buckets: tuple[Bucket, ...], policy: BreakerPolicy) -> bool:
    calls = sum(bucket.calls for bucket in buckets)
    return calls >= policy.volume_min and _is_bad(buckets, policy)


def _rate(buckets: tuple[Bucket, ...], policy: BreakerPolicy) -> float:
    """Return the calls a second of these buckets."""
    calls = sum(bucket.calls for bucket in buckets)
    return calls / (len(buckets) * policy.window_s / _BUCKETS)


def _is_bad(buckets: tuple[Bucket, ...], policy: BreakerPolicy) -> bool:
    """Return whether the failures, or the slow calls, have the share at which it trips."""
    calls = sum(bucket.calls for bucket in buckets)
    failures = sum(bucket.failures for bucket in buckets)
    slow = sum(bucket.slow for bucket in buckets)
    return failures >= policy.error_rate * calls or slow >= policy.slow_rate * calls
