"""What the attack tests share: a provider that answers as it is told, and handlers' caller."""

from __future__ import annotations

from typing import Any

from factories import payments as factory
from tallystick import db
from tallystick.payments.handlers import Caller
from tallystick.resilience import BreakerPolicy, Breakers


class Quiet:
    """Gauges that count nothing."""

    def booked(self, *_: Any, **__: Any) -> None: ...
    def given_up(self, *_: Any, **__: Any) -> None: ...


class Fake:
    """A provider whose calls are functions; interpreting is Stripe's own."""

    name = "stripe"

    def __init__(self, **calls: Any) -> None:
        self.calls = calls
        self.made: list[str] = []
        self.capabilities = factory.stripe().capabilities

    def _do(self, what: str, *given: Any) -> Any:
        self.made.append(what)
        answer = self.calls.get(what)
        if isinstance(answer, BaseException):
            raise answer
        return answer(*given) if callable(answer) else answer

    def collect(self, payment, *, attempt):
        return self._do("collect", payment)

    def refund(self, refund, payment, *, attempt):
        return self._do("refund", refund, payment)

    def look_up(self, payment):
        return self._do("look_up", payment)

    def look_up_refund(self, refund, payment):
        return self._do("look_up_refund", refund, payment)

    def trace(self, reference):
        return self._do("trace", reference)

    def interpret(self, event):
        return factory.stripe().interpret(event)


def caller(pool: db.Pool, provider: Fake | None, **policy: Any) -> Caller:
    """Return what the handlers call with."""
    breakers = Breakers(policy=BreakerPolicy(**policy), chance=lambda: 0.5)
    providers = {} if provider is None else {"stripe": provider}
    return Caller(pool, providers, breakers, Quiet(), lambda: 0.5)


def move_clock(database: Any, **by: Any) -> None:
    """Move the test clock as its owner."""
    import psycopg

    with psycopg.connect(database.owner_url, autocommit=True) as conn:
        row = conn.execute("SELECT count(*) FROM tallystick.test_clock").fetchone()
        seconds = by["seconds"]
        if row[0]:
            conn.execute(
                "UPDATE tallystick.test_clock SET offset_s = offset_s + %s",
                (seconds,),
            )
        else:
            conn.execute(
                "INSERT INTO tallystick.test_clock (offset_s) VALUES (%s)",
                (seconds,),
            )


def jobs_of(conn: Any, name: str) -> list[dict[str, Any]]:
    found = conn.execute(
        "SELECT args FROM public.procrastinate_jobs WHERE task_name = %s ORDER BY id", (name,)
    ).fetchall()
    return [row[0] for row in found]
