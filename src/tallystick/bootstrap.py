"""The composition root: the only place that joins concrete things into a house.

Doors take a House and ask it for what they need. Nothing connects before its first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from random import SystemRandom
from typing import Final

import redis

from tallystick import clock, db, idempotency, jobs, ledger, mail, payments, webhooks
from tallystick.db import Pool
from tallystick.health import Check
from tallystick.keys import Environment
from tallystick.ledger import Writer
from tallystick.mail import SmtpSender
from tallystick.payments import Caller, EventSource, FactHandler, Provider
from tallystick.providers.stripe import Stripe
from tallystick.resilience import BreakerPolicy, Breakers, BreakerState
from tallystick.resilience.fleet import Fleet
from tallystick.settings import Settings, durability_problems
from tallystick.webhooks import Delivery, Event, Keeper, Receipt

__all__ = ["House", "ProviderUnknown", "Unsafe"]

#: Workers that have not said so for this many seconds are taken for dead.
_WORKER_SILENCE_S: Final = 30
#: A job that is due and has waited longer, in seconds, means that its group is not served.
_QUEUE_PATIENCE_S: Final = 30
_DAY_S: Final = 86_400
#: How often old idempotency records are looked for.
_PRUNE_EVERY_S: Final = 3_600
#: So many times as long as at first a breaker is open at the most.
_OPEN_TIMES_MAX: Final = 6
#: How often providers' lists are read for events that never came.
_POLL_EVERY_S: Final = 60
_DURABILITY: Final = ("fsync", "full_page_writes", "synchronous_commit")


class ProviderUnknown(payments.PaymentError):
    """No provider of this name is joined to the house."""

    code = "provider_unknown"


class Unsafe(RuntimeError):
    """The database is not safe enough to start on; the message lists every reason."""


@dataclass(frozen=True)
class House:
    """Everything that a process needs, joined once from its settings."""

    settings: Settings

    @classmethod
    def from_settings(cls, settings: Settings) -> House:
        """Join the house; nothing is connected yet."""
        return cls(settings)

    @cached_property
    def pool(self) -> Pool:
        """Return the application's pool, for jobs, the inbox and health."""
        return Pool(
            self.settings.direct_url.get_secret_value(),
            size_max=self.settings.database_pool_max,
            timeout_s=self.settings.database_timeout_s,
            application_name="tallystick",
        )

    @cached_property
    def writer(self) -> Writer:
        """Return the process's Writer, for the doors that move money; close ends it."""
        # Who counts must know where to count before this is loaded: the server's workers do.
        from tallystick.observability.metrics import WriterMetrics  # noqa: PLC0415 - as above

        return Writer(
            self.settings.direct_url.get_secret_value(),
            timeout_s=self.settings.database_timeout_s,
            deadline_s=self.settings.writer_deadline_s,
            queue_max=self.settings.writer_queue_max,
            gauges=WriterMetrics(),
        )

    @cached_property
    def keeper(self) -> Keeper:
        """Return the process's Keeper, for the webhooks' door; close ends it."""
        return Keeper(
            self.settings.direct_url.get_secret_value(),
            timeout_s=self.settings.database_timeout_s,
            gauges=self.inbox_gauges,
        )

    @cached_property
    def inbox_gauges(self) -> webhooks.Gauges:
        """Return who counts for the inbox."""
        from tallystick.observability.metrics import InboxMetrics  # noqa: PLC0415 - as for writer

        return InboxMetrics()

    @cached_property
    def providers(self) -> Mapping[str, Provider]:
        """Return the providers by name: those that have their keys."""
        key, secret = self.settings.stripe_secret_key, self.settings.stripe_webhook_secret
        if key is None or secret is None:
            return {}
        stripe = Stripe(
            secret_key=key.get_secret_value(),
            webhook_secret=secret.get_secret_value(),
            api_url=self.settings.stripe_api_url,
            public_url=self.settings.public_url,
            timeout_s=self.settings.stripe_timeout_s,
        )
        return {stripe.name: stripe}

    @cached_property
    def breakers(self) -> Breakers:
        """Return the process's breakers: round every call to a provider, shared by the fleet."""
        # As with the Writer's.
        from tallystick.observability.metrics import BreakerMetrics  # noqa: PLC0415 - as above

        open_for_s = self.settings.breaker_open_for_s
        policy = BreakerPolicy(
            window_s=self.settings.breaker_window_s,
            volume_min=self.settings.breaker_volume_min,
            open_for_s=open_for_s,
            open_for_max_s=open_for_s * _OPEN_TIMES_MAX,
            probe_lease_s=open_for_s,
            calls_max=self.settings.provider_calls_max,
        )
        return Breakers(
            policy=policy,
            shared=self._fleet,
            meter=BreakerMetrics(),
            chance=SystemRandom().random,
        )

    @cached_property
    def _fleet(self) -> Fleet:
        return Fleet(self.settings.redis_url.get_secret_value())

    @cached_property
    def caller(self) -> Caller:
        """Return what jobs call the providers with."""
        return Caller(
            pool=self.pool,
            providers=self.providers,
            breakers=self.breakers,
            gauges=self.payment_gauges,
            spread=partial(SystemRandom().randint, 0),
        )

    @cached_property
    def payment_gauges(self) -> payments.Gauges:
        """Return who counts for payments."""
        from tallystick.observability.metrics import PaymentMetrics  # noqa: PLC0415 - as for writer

        return PaymentMetrics()

    @property
    def key_environment(self) -> Environment:
        """Return which API keys open this place."""
        return Environment.LIVE if self.settings.is_production else Environment.TEST

    def provider(self, name: str) -> Provider:
        """Return a provider; raise ProviderUnknown."""
        found = self.providers.get(name)
        if found is None:
            raise ProviderUnknown(f"There is no provider {name[:40]!r} here.")
        return found

    @cached_property
    def registry(self) -> jobs.Registry:
        """Return what the workers can do."""
        registry = jobs.Registry()
        most = self.settings.job_attempts_max
        sender = self._sender()
        self._add_payments(registry)
        registry.add(
            jobs.Handler(
                mail.SEND,
                queue="mail",
                run=partial(mail.send, pool=self.pool, sender=sender, attempts_max=most),
                attempts_max=most,
            )
        )
        registry.add(
            jobs.Handler(
                ledger.PARTITIONS,
                queue="upkeep",
                run=partial(ledger.make_partitions, pool=self.pool),
                attempts_max=most,
            )
        )
        registry.add_periodic(jobs.Periodic(ledger.PARTITIONS, every_s=_DAY_S))
        registry.add(
            jobs.Handler(
                idempotency.PRUNE,
                queue="upkeep",
                run=partial(idempotency.prune, pool=self.pool),
                attempts_max=most,
            )
        )
        registry.add_periodic(jobs.Periodic(idempotency.PRUNE, every_s=_PRUNE_EVERY_S))
        self._add_inbox(registry)
        return registry

    def _add_payments(self, registry: jobs.Registry) -> None:
        """Add what calls the providers."""
        calls: dict[str, Callable[..., None]] = {
            payments.SUBMIT: payments.submit,
            payments.REFUND: payments.send_refund,
            payments.LOOK: payments.look,
            payments.TRACE: payments.trace,
        }
        for name, call in calls.items():
            registry.add(
                jobs.Handler(
                    name,
                    queue="money",
                    run=partial(call, self.caller),
                    attempts_max=self.settings.job_attempts_max,
                )
            )

    def _add_inbox(self, registry: jobs.Registry) -> None:
        """Add what the inbox does by the clock: it looks for what never came, and blanks."""
        look = partial(
            webhooks.poll,
            pool=self.pool,
            sources={
                name: EventSource(self.caller, provider)
                for name, provider in self.providers.items()
            },
            outside_now=clock.outside_now,
            gauges=self.inbox_gauges,
        )
        # The next minute tries again by itself.
        registry.add(jobs.Handler(webhooks.POLL, queue="webhooks", run=look, attempts_max=1))
        registry.add_periodic(jobs.Periodic(webhooks.POLL, every_s=_POLL_EVERY_S))
        registry.add(
            jobs.Handler(
                webhooks.BLANK,
                queue="upkeep",
                run=partial(webhooks.blank, pool=self.pool),
                attempts_max=self.settings.job_attempts_max,
            )
        )
        registry.add_periodic(jobs.Periodic(webhooks.BLANK, every_s=_DAY_S))

    @cached_property
    def drains(self) -> tuple[jobs.Drain, ...]:
        """Return the loops that claim rows which are their own queue."""
        handlers = {
            name: FactHandler(provider, self.payment_gauges)
            for name, provider in self.providers.items()
        }
        run = partial(webhooks.drain, pool=self.pool, handlers=handlers, gauges=self.inbox_gauges)
        look = partial(payments.janitor, self.pool)
        return (
            jobs.Drain(
                "webhooks.inbox",
                group="webhooks",
                channel=webhooks.CHANNEL,
                run=run,
                most=webhooks.EVENTS_MAX,
            ),
            jobs.Drain(
                "payments.janitor",
                group="money",
                channel=payments.LOOK_CHANNEL,
                run=look,
                most=payments.LOOKS_MAX,
            ),
        )

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Return what health asks."""
        return (
            Check("database", self._check_database, critical=True),
            Check("redis", self._check_redis, critical=False),
            Check("workers", self._check_workers, critical=False),
            Check("transfer_partitions", self._check_partitions, critical=False),
            Check("breakers", self._check_breakers, critical=False),
            Check("inbox", self._check_inbox, critical=False),
        )

    def verify(self, provider: str, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Return the event that a delivery tells of; nothing is asked and nothing is kept.

        Header names are lower. Raises ProviderUnknown, SignatureInvalid and EventMalformed.
        """
        return self.provider(provider).read(raw, headers, clock.outside_now())

    def keep(self, provider: str, event: Event) -> asyncio.Future[Receipt]:
        """Return the future of a verified event's receipt: it has one once the row is durable.

        It ends with DatabaseUnavailable or InboxBusy where that is not known. Raises InboxFull and
        InboxClosed.
        """
        return self.keeper.keep(Delivery(provider, event))

    def refuse_unsafe(self) -> None:
        """Raise Unsafe where production's database can forget or move time.

        Raises DatabaseUnavailable where it does not answer.
        """
        url = self.settings.database_url.get_secret_value()
        timeout_s = self.settings.database_timeout_s
        # A connection of its own: who forks later must not have opened the pool.
        with db.connect(url, application_name="tallystick", timeout_s=timeout_s) as conn:
            statement = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
            if conn.execute("SELECT to_regclass('tallystick.transfer')").fetchone() == (None,):
                raise Unsafe("The database has no schema of ours: run `tallystick migrate` first.")
            rows = conn.execute(statement, (list(_DURABILITY),)).fetchall()
            reported: dict[str, str] = dict(rows)
            moved = conn.execute("SELECT 1 FROM tallystick.test_clock").fetchone()
            [may_rewrite] = conn.execute(
                "SELECT has_table_privilege('tallystick.transfer', 'UPDATE')"
            ).fetchone() or [True]
        problems = [str(problem) for problem in durability_problems(reported, self.settings)]
        if self.settings.is_production and moved:
            problems.append("The test clock was moved in this database: it is none for production.")
        if self.settings.is_production and may_rewrite:
            problems.append(
                "TALLYSTICK_DATABASE_URL: its role may rewrite the books. Give the application's"
                " role there, not the owner or a superuser."
            )
        if self.settings.is_production and self.settings.owner_database_url is not None:
            problems.append(
                "TALLYSTICK_OWNER_DATABASE_URL: it is for `tallystick migrate` alone. Take it out"
                " of this process's environment."
            )
        if problems:
            raise Unsafe("\n".join(problems))

    def close(self) -> None:
        """Bring to their end the deeds and deliveries that wait, and close what was opened."""
        if "writer" in self.__dict__:
            self.writer.close()
        if "keeper" in self.__dict__:
            self.keeper.close()
        if "pool" in self.__dict__:
            self.pool.close()
        if "_fleet" in self.__dict__:
            self._fleet.close()

    def _sender(self) -> SmtpSender | None:
        url = self.settings.smtp_url
        if url is None:
            return None
        return SmtpSender(url.get_secret_value(), mail_from=self.settings.mail_from)

    def _check_database(self) -> None:
        with self.pool.transaction() as conn:
            db.now(conn)

    def _check_redis(self) -> None:
        url = self.settings.redis_url.get_secret_value()
        with redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()

    def _check_workers(self) -> None:
        with self.pool.transaction() as conn:
            alive = jobs.queries.workers_alive(conn, within_s=_WORKER_SILENCE_S)
            ages = jobs.queries.oldest_age_s(conn)
        if not alive:
            raise RuntimeError("No worker has reported: run `tallystick worker`.")
        late = sorted(queue for queue, age_s in ages.items() if age_s > _QUEUE_PATIENCE_S)
        if late:
            raise RuntimeError(f"Jobs wait too long in: {', '.join(late)}. Does its group run?")

    def _check_breakers(self) -> None:
        views = self.breakers.views()
        tripped = [view.name for view in views if view.state is not BreakerState.CLOSED]
        if tripped:
            raise RuntimeError(f"Not called now, and queued: {', '.join(tripped)}.")

    def _check_inbox(self) -> None:
        with self.pool.transaction() as conn:
            late_s = webhooks.oldest_due_s(conn)
        if late_s > _QUEUE_PATIENCE_S:
            raise RuntimeError(f"A webhook has waited for {late_s:.0f} s. Does its group run?")

    def _check_partitions(self) -> None:
        with self.pool.transaction() as conn:
            months = ledger.months(conn)
        if months.has_strays:
            raise RuntimeError("Transfers fell outside the months: make their partitions.")
        if not months.is_next_month_made:
            raise RuntimeError(f"Next month has no partition: does {ledger.PARTITIONS} run?")
