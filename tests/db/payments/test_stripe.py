"""Stripe's words in our rows: those that no row can hold, and its list behind the breaker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from factories import payments as factory
from factories.wallets import wallet
from tallystick import db, ids, webhooks
from tallystick.payments import CallUnknown
from tallystick.payments.events import EventSource, FactHandler
from tallystick.payments.handlers import Caller
from tallystick.resilience import BreakerPolicy, Breakers
from tallystick.webhooks import Event, SourceAway

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Quiet:
    """Gauges that count nothing."""

    def booked(self, provider: str, by: str, facts: int) -> None: ...
    def given_up(self, provider: str) -> None: ...


class Lists:
    """A provider that lists so many events, and then ends or is away."""

    name = "stripe"

    def __init__(self, events: int, *, is_away_then: bool = False) -> None:
        self.given = 0
        self._events, self._is_away_then = events, is_away_then

    def events(self, since: datetime, until: datetime):
        for number in range(1, self._events + 1):
            self.given = number
            yield Event(f"evt_{number}", "test.happened", since, b"{}")
        if self._is_away_then:
            raise CallUnknown("the line broke")


def source(pool, provider: Lists, **policy) -> SimpleNamespace:
    breakers = Breakers(policy=BreakerPolicy(**policy), chance=lambda: 0.5)
    caller = Caller(pool, {"stripe": provider}, breakers, Quiet(), lambda most: most)
    return SimpleNamespace(source=EventSource(caller, provider), breakers=breakers)


class TestDecline:
    def test_with_a_nul_in_its_words_is_booked(self, database, pool_of):
        pool = pool_of(database.application_url)
        with database.connect() as conn:
            payment = factory.submitted(conn, wallet(conn))
            intent = {
                "id": "pi_1",
                "metadata": {"tallystick_payment": ids.show("pay", payment.id)},
                "last_payment_error": {"code": "brand_new_code", "message": "No\0pe"},
            }
            kind, now = "payment_intent.payment_failed", db.now(conn)
            body = factory.event("evt_d", type=kind, data={"object": intent})
            event = Event("evt_d", kind, now, body)
            webhooks.receive(conn, provider="stripe", event=event, now=now)
        webhooks.drain(pool=pool, handlers={"stripe": FactHandler(factory.stripe(), Quiet())})
        assert database.scalar("SELECT state FROM tallystick.webhook_event") == "processed"


class TestEventSource:
    @pytest.mark.parametrize("events", [0, 99, 100, 101, 250])
    def test_gives_all_events_and_holds_a_portion(self, database, pool_of, events):
        provider = Lists(events)
        read = source(pool_of(database.application_url), provider)
        found = read.source.events(NOW, NOW + timedelta(hours=1))
        ahead = [provider.given - number for number, _ in enumerate(found)]
        assert len(ahead) == events
        assert max(ahead, default=0) <= 100

    def test_says_that_the_provider_is_away_and_tells_the_breaker(self, database, pool_of):
        pool = pool_of(database.application_url)
        read = source(pool, Lists(150, is_away_then=True), volume_min=2)
        with pytest.raises(SourceAway, match="the line broke"):
            list(read.source.events(NOW, NOW + timedelta(hours=1)))
        with pytest.raises(SourceAway):
            list(read.source.events(NOW, NOW + timedelta(hours=1)))
        with pytest.raises(SourceAway):
            list(read.source.events(NOW, NOW + timedelta(hours=1)))
        [view] = read.breakers.views()
        assert (view.name, view.state.value) == ("stripe.list", "open")
