"""A provider, the database or the cache is away for a while: what may wait waits, then it all ends.

The house has a breaker that trips after three calls and probes each second or two.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from tests.acceptance.payments.till import MINOR, Till, opened, until
from tests.db.resilience.conftest import Store

pytestmark = pytest.mark.full

#: Seconds that an open breaker calls nobody; longer after each bad probe.
OPEN_S = 2
#: Calls a second while a backlog drains, where no usual rate was learnt.
PACE = 1
WAITING = "The provider cannot be reached; it is sent as soon as it can."
UNANSWERED = "The provider did not answer in time; we ask again."
QUEUE_S = 15 * 60


@pytest.fixture(scope="module")
def till(lasting_database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Till]:
    """Give a house whose breakers trip soon."""
    breaker = {
        "TALLYSTICK_BREAKER_VOLUME_MIN": "3",
        "TALLYSTICK_BREAKER_OPEN_FOR_S": str(OPEN_S),
    }
    with opened(lasting_database, tmp_path_factory.mktemp("house"), **breaker) as till:
        yield till


@pytest.fixture
def store() -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="tallystick-tests-", dir="/var/tmp") as folder:
        # Its programs may have to run as another user.
        Path(folder).chmod(0o755)
        store = Store(Path(folder))
        yield store
        store.stop()


@pytest.fixture
def out(till: Till) -> Iterator[Till]:
    """Give the house with the provider out."""
    till.control("outage", {"answer": 503})
    yield till
    till.control("outage", method="DELETE")


def notes(till: Till, payment: str) -> list[str]:
    return [step.note for step in till.file(payment).steps]


def calls(till: Till, asked: list[str]) -> list[float]:
    """Return when each call for these payments began, in seconds, first to last."""
    tries = [one for payment in asked for one in till.file(payment).tries]
    return sorted(one.started_at.timestamp() for one in tries)


def tripped(till: Till) -> list[str]:
    """Ask for payments one by one until one of them finds the breaker open."""
    asked: list[str] = []
    until(lambda: asked.append(till.ask()) or WAITING in notes(till, asked[-2:][0]), every_s=0.5)
    return asked


class TestOutage:
    def test_of_the_provider_makes_payments_wait_and_then_settle_at_a_bounded_rate(self, out):
        first = tripped(out)
        asked = [out.ask() for _ in range(6)]
        for payment in asked:
            # One of them may be the probe: what became of it is not known.
            until(lambda one=payment: {WAITING, UNANSWERED} & set(notes(out, one)))
            assert out.seen(payment)["state"] in {"created", "unknown"}
        assert sum(out.outcomes(payment) == [] for payment in asked) >= len(asked) - 2
        opened_at = calls(out, first)[-1]
        time.sleep(3 * OPEN_S)
        probes = [at for at in calls(out, first + asked) if at > opened_at]
        assert all(later - earlier >= OPEN_S for earlier, later in pairwise([opened_at, *probes]))
        assert out.journal.charges == {}

        out.control("outage", method="DELETE")
        everybody = first + asked
        for payment in everybody:
            out.becomes(payment, "submitted", within_s=120)
        for payment in everybody:
            assert out.pay(payment) == "paid"
        for payment in everybody:
            out.becomes(payment, "settled")
            assert (out.balance(payment), len(out.sessions(payment))) == (MINOR, 1)
        made = sorted(one["created"] for one in out.objects("checkout_session"))
        # The probe that finds the provider well, then one call a second at the most.
        assert len(made) <= (made[-1] - made[0]) * PACE + 2

    def test_for_longer_than_a_payment_may_wait_ends_it_and_nothing_is_sent(self, out):
        tripped(out)
        payment = out.ask()
        until(lambda: WAITING in notes(out, payment))
        out.advance(QUEUE_S + 1)
        out.becomes(payment, "expired")
        out.control("outage", method="DELETE")
        assert (out.outcomes(payment), out.sessions(payment)) == ([], [])
        assert out.seen(payment)["failure"] is None


class TestDatabase:
    def test_that_drops_every_connection_in_the_middle_of_a_call_loses_nothing(self, till):
        till.fault("slow", after_s=0.8)
        payment = till.ask()
        until(lambda: till.sessions(payment))
        assert till.scalar(_DROPPED) > 0
        till.advance(60)
        till.becomes(payment, "submitted", within_s=60)
        assert till.pay(payment) == "paid"
        till.becomes(payment, "settled")
        assert (till.balance(payment), len(till.sessions(payment))) == (MINOR, 1)


class TestCache:
    def test_that_stops_and_comes_back_empty_stops_no_payment(self, database, tmp_path, store):
        with opened(database, tmp_path, TALLYSTICK_REDIS_URL=store.url) as till:
            owned = till.wallet()
            till.settled(owned=owned)
            assert store.client.keys("tallystick:*")
            store.stop()
            till.settled(owned=owned)
            store.start()
            till.settled(owned=owned)
            assert till.balance(owned) == 3 * MINOR
            assert till.is_right() == {"charges": 3}


class TestBooks:
    def test_agree_with_the_provider_s_after_all_that(self, till):
        # What was sent during an outage is asked about less and less often.
        unknown = "SELECT count(*) FROM tallystick.payment WHERE state = 'unknown'"
        until(lambda: till.advance(300) or not till.scalar(unknown), every_s=1, within_s=90)
        assert till.is_right()["charges"] > 0


_DROPPED = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
