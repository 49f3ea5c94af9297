"""What the lab's buttons do to the world around a payment. Each says what to watch."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from django.conf import settings

from tallystick import caretaker
from tallystick.caretaker import Order
from tallystick.payments import CallRefused, CallUnknown, Operation
from tallystick.resilience import BreakerOpen, BulkheadFull
from tallystick.web.house import house
from tallystick.web.lab.bench import Bench

__all__ = [
    "begin_outage",
    "clock_back",
    "end_outage",
    "fault",
    "forget_faults",
    "kill_worker",
    "move_clock",
    "start_cache",
    "stop_cache",
]

_COMPLETED: Final = "checkout.session.completed"
_CREATE: Final = "checkout.session.create"
_THREE_DAYS_S: Final = 3 * 86_400
#: Which event or call each fault waits for.
_ORDERS: Final[dict[str, dict[str, object]]] = {
    "lost_webhook": {"match": _COMPLETED},
    "double_webhook": {"match": _COMPLETED},
    "late_webhook": {"match": _COMPLETED, "after_s": 15},
    "out_of_order_webhook": {"match": "charge.succeeded"},
    "timeout_after_charge": {"match": _CREATE},
    "error_500": {"match": _CREATE},
}
_SAID: Final = {
    "lost_webhook": "The next webhook will be lost. Pay now, and watch the janitor find out.",
    "double_webhook": "The next webhook comes twice. Pay now: it is booked once.",
    "late_webhook": "The next webhook comes 15 seconds late. Pay now, and see who is first.",
    "out_of_order_webhook": "The next webhook waits until a newer one has passed it. Pay now.",
    "timeout_after_charge": (
        "The next call will be done, and never answered. Start a payment: after ten seconds it is"
        " unknown, never failed. Then the janitor finds it."
    ),
    "error_500": (
        "The next call is answered with 500, for good. Start a payment: it is unknown, and stays"
        " so. Move the clock three days: then a person is asked."
    ),
}


def fault(bench: Bench, what: str) -> str:
    """Queue a fault at the simulator; return what to say."""
    bench.simulator.order("next", what=what, **_ORDERS[what])
    return _SAID[what]


def forget_faults(bench: Bench) -> str:
    """Forget the faults that wait."""
    bench.simulator.end("next")
    return "What was ordered and has not happened yet is forgotten."


def begin_outage(bench: Bench) -> str:
    """Take the provider down, and knock at it until the breaker has seen it."""
    bench.simulator.order("outage", answer=503)
    for _ in range(settings.TALLYSTICK.breaker_volume_min):
        with suppress(CallUnknown, CallRefused, BreakerOpen, BulkheadFull):
            house().caller.call(
                bench.provider.name, Operation.COLLECT, lambda: bench.provider.trace("pi_knock")
            )
    return (
        "The provider is down: a few calls have failed, and the breaker is open. Start a payment:"
        " it is queued, and nobody calls in vain."
    )


def end_outage(bench: Bench) -> str:
    """Bring the provider back."""
    bench.simulator.end("outage")
    return (
        "The provider is back. Within seconds the breaker lets one call through; if that goes well,"
        " what was queued is sent."
    )


def kill_worker(bench: Bench) -> str:
    """Kill -9 the process that works the money queue."""
    caretaker.ask(bench.caretaker, Order.KILL_WORKER)
    return (
        "The process that works the money queue is dead (SIGKILL). Its parent has started another:"
        " see its number change. What it was doing is done again, once."
    )


def stop_cache(bench: Bench) -> str:
    """Stop the embedded Valkey."""
    caretaker.ask(bench.caretaker, Order.STOP_CACHE)
    return (
        "Valkey is stopped. Pay as before: nothing of money needs it. Breakers count in each"
        " process by itself until it is back."
    )


def start_cache(bench: Bench) -> str:
    """Start it again."""
    caretaker.ask(bench.caretaker, Order.START_CACHE)
    return "Valkey runs again, empty: nothing that it forgot was needed."


def move_clock(bench: Bench) -> str:
    """Move both clocks three days on."""
    caretaker.ask(bench.caretaker, Order.MOVE_CLOCK)
    bench.simulator.order("clock", advance_s=_THREE_DAYS_S)
    return (
        "It is three days later, here and at the provider. Pages expire, and what nobody could"
        " clear up goes to review."
    )


def clock_back(bench: Bench) -> str:
    """Make it today again."""
    caretaker.ask(bench.caretaker, Order.CLOCK_BACK)
    bench.simulator.end("clock")
    return "It is today again. What you did in the future is booked in its order all the same."
