"""What tests of the pages share: Django on a clone, a browser without a screen, people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import django
import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tallystick import db, ids, mail, payments
from tallystick.money import Money
from tallystick.payments import (
    Accepted,
    CallRefused,
    Declined,
    DisputeReported,
    DisputeState,
    Expired,
    Fact,
    Paid,
    Refund,
    RefundReported,
    RefundStatus,
    facts,
    operations,
)

django.setup()

PASSWORD = "lantern puddle orbit seventeen"
_LINK = re.compile(r"http://127\.0\.0\.1:8123(/\S+)")


@dataclass(frozen=True)
class Site:
    """The pages on a clone of their own."""

    url: str

    def browser(self, **headers: str) -> Client:
        """Return a browser with no cookie."""
        return Client(SERVER_NAME="127.0.0.1", SERVER_PORT="8123", headers=headers or None)

    def letters(self, to: str | None = None) -> list[mail.Message]:
        """Return the letters that were committed, newest first."""
        with psycopg.connect(self.url) as conn:
            return mail.recent(conn, to=to)

    def link(self, to: str) -> str:
        """Return the first link of the newest letter, without our address."""
        match = _LINK.search(self.letters(to)[0].text)
        assert match is not None
        return match[1]

    def count(self, table: str) -> int:
        """Return how many rows were committed."""
        with psycopg.connect(self.url) as conn:
            row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row is not None
            return int(row[0])


@pytest.fixture
def site(database) -> Iterator[Site]:
    """Point Django at a clone, with Stripe's keys set."""
    from tallystick.web.house import house  # noqa: PLC0415 - Django has to stand first

    parts = conninfo_to_dict(database.application_url)
    names = {
        "dbname": "NAME",
        "user": "USER",
        "password": "PASSWORD",
        "host": "HOST",
        "port": "PORT",
    }
    before = dict(connection.settings_dict)
    connection.close()
    connection.close_pool()
    connection.settings_dict.update({names[part]: value for part, value in parts.items()})
    ours = settings.TALLYSTICK.model_copy(
        update={
            "stripe_secret_key": SecretStr("sk_test_pages"),
            "stripe_webhook_secret": SecretStr("whsec_pages"),
            "direct_database_url": SecretStr(database.application_url),
        }
    )
    house.cache_clear()
    with override_settings(TALLYSTICK=ours):
        yield Site(database.application_url)
        house().close()
    house.cache_clear()
    connection.close()
    connection.close_pool()
    connection.settings_dict.update(before)


@pytest.fixture
def sign_up(site: Site) -> Callable[..., Client]:
    """Sign somebody up through the pages, confirmed unless told otherwise."""

    def walk(email: str = "amina@example.org", *, confirmed: bool = True) -> Client:
        browser = site.browser()
        answer = browser.post("/sign-up", {"email": email, "password1": PASSWORD, "name": "Amina"})
        assert (answer.status_code, answer["Location"]) == (302, "/verify-email")
        if confirmed:
            answer = browser.post(site.link(email))
            assert (answer.status_code, answer["Location"]) == (302, "/")
        return browser

    return walk


@pytest.fixture
def operator(site: Site, sign_up: Callable[..., Client]) -> Client:
    """Sign an operator up."""
    from tallystick.web.people.models import Person  # noqa: PLC0415 - Django has to stand first

    browser = sign_up("olive@example.org")
    Person.objects.filter(email="olive@example.org").update(is_operator=True, name="Olive")
    return browser


@pytest.fixture
def provider(site: Site) -> Played:
    """Play the provider to payments, by their pages' paths or their shown ids."""
    return Played(site)


@dataclass(frozen=True)
class Played:
    """A provider that says what it is told to say."""

    site: Site

    def begin(self, path: str, *, refund: bool = False) -> None:
        """Open the attempt of a payment, or of the newest refund of it."""
        with psycopg.connect(self.site.url) as conn:
            self._begin(conn, path, refund=refund)

    def accept(self, path: str) -> None:
        with psycopg.connect(self.site.url) as conn:
            payment_id = _id(path)
            begun = self._begin(conn, path)
            accepted = Accepted(f"cs_{payment_id}", "https://checkout.example/cs_1")
            operations.record_accepted(conn, begun.attempt, accepted, payment_id=payment_id)

    def refuse(self, path: str) -> None:
        with psycopg.connect(self.site.url) as conn:
            begun = self._begin(conn, path)
            refusal = CallRefused("parameter_invalid", "Stripe takes no such payment.")
            operations.record_refused(conn, begun.attempt, refusal)

    def fall_silent(self, path: str) -> None:
        """Give no answer to the call."""
        with psycopg.connect(self.site.url) as conn:
            begun = self._begin(conn, path)
            operations.record_unknown(conn, begun.attempt)

    def be_away(self, path: str, *, refund: bool = False) -> None:
        """Be behind an open breaker, so that what is to be sent waits."""
        with psycopg.connect(self.site.url) as conn:
            why = "The provider cannot be reached; it is sent as soon as it can."
            wanted = self._wanted(conn, path, refund=refund)
            operations.postpone(conn, wanted.names, why=why, delay_s=5, turn=0)

    def give_up(self, path: str) -> None:
        """Be asked for three days without an answer."""
        with psycopg.connect(self.site.url) as conn:
            _, payment, _ = operations.locked(conn, (_id(path), None))
            operations.ask_a_person(conn, payment, now=db.now(conn))

    def end(self, path: str, state: payments.PaymentState, note: str = "") -> None:
        with psycopg.connect(self.site.url) as conn:
            _, payment, _ = operations.locked(conn, (_id(path), None))
            operations.move(conn, payment, state, now=db.now(conn), note=note)

    def decline(self, path: str) -> None:
        self.say(lambda now: Declined(_shown(path), "card_declined", "The card was declined.", now))

    def expire(self, path: str) -> None:
        self.say(lambda now: Expired(_shown(path), f"cs_{_id(path)}", now))

    def pay(self, path: str, amount: Money, **change: object) -> None:
        """Say that it is paid."""

        def paid(now: datetime) -> Paid:
            reference, collected = f"cs_{_id(path)}", f"pi_{_id(path)}"
            fact = Paid(_shown(path), reference, amount, now, collected_reference=collected)
            return replace(fact, **change)

        self.say(paid)

    def settle(self, path: str, amount: Money) -> None:
        """Take a payment and be paid."""
        self.accept(path)
        self.pay(path, amount)

    def refunded(self, path: str, status: RefundStatus = RefundStatus.SUCCEEDED) -> None:
        """Report how far the newest refund of a payment is."""
        refund = self.refunds(path)[-1]
        reason = ("expired_card", "The card has expired.") if status == "failed" else ("", "")
        self.say(
            lambda now: RefundReported(
                ids.show("ref", refund.id),
                f"re_{refund.id}",
                f"pi_{_id(path)}",
                refund.amount,
                status,
                now,
                code=reason[0],
                sentence=reason[1],
            )
        )

    def dispute(self, path: str, amount: Money, state: DisputeState = DisputeState.OPEN) -> None:
        """Report a dispute: its money is taken, and given back where it was won."""
        nothing = Money(0, amount.currency)
        self.say(
            lambda now: DisputeReported(
                f"du_{_id(path)}",
                f"pi_{_id(path)}",
                amount,
                "fraudulent",
                state,
                is_withdrawn=True,
                is_reinstated=state is DisputeState.WON,
                fee=nothing,
                fee_returned=nothing,
                opened_at=now,
                occurred_at=now,
            )
        )

    def say(self, fact: Callable[[datetime], Fact]) -> None:
        """Have one fact booked, as the provider's own confirmed word."""
        with psycopg.connect(self.site.url) as conn:
            now = db.now(conn)
            report = facts.Report(fact(now), "test", now, is_confirmed=True)
            [done] = facts.book(conn, [report], provider="stripe", now=now)
            assert isinstance(done, facts.Booked), done

    def refunds(self, path: str) -> list[Refund]:
        with psycopg.connect(self.site.url) as conn:
            return payments.file(conn, payment_id=_id(path), owner=None).refunds

    def _begin(self, conn, path: str, *, refund: bool = False):
        from tallystick.web.house import house  # noqa: PLC0415 - Django has to stand first

        begun = operations.begin(
            conn,
            self._wanted(conn, path, refund=refund).names,
            capabilities=house().provider("stripe").capabilities,
        )
        assert begun is not None
        return begun

    def _wanted(self, conn, path: str, *, refund: bool):
        found = payments.file(conn, payment_id=_id(path), owner=None)
        return found.refunds[-1] if refund else found.payment


def _shown(path: str) -> str:
    return path.rpartition("/")[2]


def _id(path: str) -> UUID:
    return ids.read("pay", _shown(path))
